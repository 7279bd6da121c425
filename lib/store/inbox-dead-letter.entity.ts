import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** A message that a consumer has given up, as it was received, so that an operator can see it and have it handled after all. */
@Entity({ name: 'event_inbox_dead_letter' })
export class InboxDeadLetterRow {
  /** A bigint, so TypeORM gives a string. */
  @PrimaryGeneratedColumn('identity', { name: 'seq', type: 'bigint', generatedIdentity: 'ALWAYS' })
  seq!: string;

  @Column({ name: 'consumer', type: 'varchar', length: 255 })
  consumer!: string;

  @Column({ name: 'message_id', type: 'varchar', length: 255 })
  messageId!: string;

  @Column({ name: 'replay_id', type: 'varchar', length: 255 })
  replayId!: string;

  @Column({ name: 'topic', type: 'varchar', length: 255 })
  topic!: string;

  @Column({ name: 'topic_partition', type: 'integer' })
  topicPartition!: number;

  /** A bigint, so TypeORM gives a string. */
  @Column({ name: 'topic_offset', type: 'bigint' })
  topicOffset!: string;

  @Column({ name: 'message_key', type: 'bytea', nullable: true })
  messageKey!: Buffer | null;

  @Column({ name: 'message_value', type: 'bytea', nullable: true })
  messageValue!: Buffer | null;

  /** `json`, not `jsonb`: order and text are kept. */
  @Column({ name: 'headers', type: 'json' })
  headers!: Record<string, string>;

  @Column({ name: 'attempts', type: 'smallint' })
  attempts!: number;

  @Column({ name: 'reason', type: 'text' })
  reason!: string;

  @Column({ name: 'died_at', type: 'timestamptz' })
  diedAt!: Date;
}
