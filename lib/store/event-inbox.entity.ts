import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * A message that a consumer has handled, or has failed at. Narrow, since each message writes one: what is null takes no place.
 */
@Entity({ name: 'event_inbox' })
@Index(['processedAt'])
export class EventInbox {
  /** Who has handled it: two consumers of one database each handle a message. */
  @PrimaryColumn({ name: 'consumer', type: 'varchar', length: 255 })
  consumer!: string;

  @PrimaryColumn({ name: 'message_id', type: 'varchar', length: 255 })
  messageId!: string;

  /** The operator's replay that was handled on its own; empty for the message itself. */
  @PrimaryColumn({ name: 'replay_id', type: 'varchar', length: 255 })
  replayId!: string;

  /** When it was handled, or given up; null while it fails. */
  @Column({ name: 'processed_at', type: 'timestamptz', nullable: true })
  processedAt!: Date | null;

  /** Failed attempts. */
  @Column({ name: 'attempts', type: 'smallint', default: 0 })
  attempts!: number;

  /** When it failed last. */
  @Column({ name: 'failed_at', type: 'timestamptz', nullable: true })
  failedAt!: Date | null;

  /** Why it failed last. */
  @Column({ name: 'last_error', type: 'text', nullable: true })
  lastError!: string | null;
}
