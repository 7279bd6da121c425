import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** An event that was given up: the broker refused it more often than `maxRetries` allows. It waits for an operator. */
@Entity({ name: 'event_outbox_dead_letter' })
@Index(['eventKey'], { where: '"holds_key"' })
@Index(['id'])
export class OutboxDeadLetter {
  /** Its position in the outbox, to which a replay brings it back. A bigint, so TypeORM gives a string. */
  @PrimaryColumn({ name: 'seq', type: 'bigint' })
  seq!: string;

  /** The event's identity for consumers. Not unique: an application may have added an event of the same id again, which was given up, too. */
  @Column({ name: 'id', type: 'uuid' })
  id!: string;

  @Column({ name: 'lane', type: 'smallint' })
  lane!: number;

  @Column({ name: 'aggregate_type', type: 'varchar', length: 100 })
  aggregateType!: string;

  @Column({ name: 'aggregate_id', type: 'varchar', length: 255 })
  aggregateId!: string;

  @Column({ name: 'event_type', type: 'varchar', length: 255 })
  eventType!: string;

  @Column({ name: 'topic', type: 'varchar', length: 255 })
  topic!: string;

  @Column({ name: 'event_key', type: 'varchar', length: 255 })
  eventKey!: string;

  @Column({ name: 'event_data', type: 'json' })
  eventData!: unknown;

  @Column({ name: 'headers', type: 'json', nullable: true })
  headers!: Record<string, string> | null;

  @Column({ name: 'traceparent', type: 'varchar', nullable: true })
  traceparent!: string | null;

  /** W3C trace state of the writer. */
  @Column({ name: 'tracestate', type: 'varchar', nullable: true })
  tracestate!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'available_at', type: 'timestamptz', nullable: true })
  availableAt!: Date | null;

  /** How often the broker has refused it. */
  @Column({ name: 'attempts', type: 'smallint' })
  attempts!: number;

  /** Why it was refused at last. */
  @Column({ name: 'reason', type: 'text' })
  reason!: string;

  @Column({ name: 'died_at', type: 'timestamptz' })
  diedAt!: Date;

  /** Whether later events of its key wait until an operator has decided (`afterDeadLetter: 'hold'`). */
  @Column({ name: 'holds_key', type: 'boolean' })
  holdsKey!: boolean;
}
