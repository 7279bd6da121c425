import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A relay that lives, so that the others know with how many to share the lanes. */
@Entity({ name: 'event_outbox_relay' })
export class OutboxRelay {
  @PrimaryColumn({ name: 'id', type: 'uuid' })
  id!: string;

  /** Number of the session advisory lock that it holds as a sign of life; null if it has none. */
  @Column({ name: 'life_lock', type: 'integer', nullable: true })
  lifeLock!: number | null;

  /** Until when it counts as living, by the database's clock. */
  @Column({ name: 'expires_at', type: 'timestamptz' })
  expiresAt!: Date;
}
