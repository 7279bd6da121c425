import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/**
 * A stored event. The writer fills in the identity and the content, the relay what became of it.
 *
 * Nullable columns have no default, so that a change-data-capture connector reads NULL where nothing was given.
 * The indexes are not named by hand: the naming strategy does that, and so follows `entityPrefix`.
 */
@Entity({ name: 'event_outbox' })
@Index(['lane', 'seq'], { where: '"published_at" IS NULL' })
@Index(['lane', 'xid'], { where: '"published_at" IS NULL' })
@Index(['lane', 'retryAt', 'seq'], { where: '"published_at" IS NULL AND "retry_at" IS NOT NULL AND "attempts" = 0' })
@Index(['lane', 'retryAt'], { where: '"published_at" IS NULL AND "attempts" > 0' })
@Index(['eventKey'], { where: '"published_at" IS NULL AND "attempts" > 0' })
export class EventOutbox {
  /** Position in the outbox; within one ordering key it is the order of commits. A bigint, so TypeORM gives a string. */
  @PrimaryGeneratedColumn('identity', { name: 'seq', type: 'bigint', generatedIdentity: 'ALWAYS' })
  seq!: string;

  /**
   * The transaction since which the event may be delivered (`pg_current_xact_id()`): its writer's, or the one that noted that its
   * delay is over, or that brought it back from the dead letters. A bigint, because TypeORM does not know `xid8`.
   */
  @Column({ name: 'xid', type: 'bigint' })
  xid!: string;

  /** The event's identity for consumers. */
  @Column({ name: 'id', type: 'uuid', unique: true })
  id!: string;

  /** Slice of the ordering keys, 0 to 63, that the event's key falls into. */
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

  /** The ordering key; the aggregate id where the writer gave none. */
  @Column({ name: 'event_key', type: 'varchar', length: 255 })
  eventKey!: string;

  /** `json`, not `jsonb`: the exact text is kept. Read as an object here, numbers beyond 2^53 are rounded. */
  @Column({ name: 'event_data', type: 'json' })
  eventData!: unknown;

  @Column({ name: 'headers', type: 'json', nullable: true })
  headers!: Record<string, string> | null;

  /** W3C trace context of the writer. */
  @Column({ name: 'traceparent', type: 'varchar', nullable: true })
  traceparent!: string | null;

  /** W3C trace state of the writer. */
  @Column({ name: 'tracestate', type: 'varchar', nullable: true })
  tracestate!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  createdAt!: Date;

  /** Asked-for delay: not to be delivered before. It stays as it was given. */
  @Column({ name: 'available_at', type: 'timestamptz', nullable: true })
  availableAt!: Date | null;

  /** Refused attempts so far. An outage of the broker is not an attempt. */
  @Column({ name: 'attempts', type: 'smallint', default: 0 })
  attempts!: number;

  /**
   * Not to be tried before: after a refused attempt the time of the next one, for a delayed event the end of its delay. Null: at once. With
   * `attempts` above 0, later events of the key wait as well.
   */
  @Column({ name: 'retry_at', type: 'timestamptz', nullable: true })
  retryAt!: Date | null;

  /** Why the last attempt was refused. */
  @Column({ name: 'last_error', type: 'text', nullable: true })
  lastError!: string | null;

  /** When the broker acknowledged it; null while it is pending. */
  @Column({ name: 'published_at', type: 'timestamptz', nullable: true })
  publishedAt!: Date | null;
}
