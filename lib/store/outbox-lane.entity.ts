import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Who may deliver the events of a lane. A lane without a row has never been owned. */
@Entity({ name: 'event_outbox_lane' })
export class OutboxLane {
  @PrimaryColumn({ name: 'lane', type: 'smallint' })
  lane!: number;

  /** The relay that holds the lease. */
  @Column({ name: 'owner', type: 'uuid' })
  owner!: string;

  /** Grows with each takeover, so that a former owner is recognised. */
  @Column({ name: 'epoch', type: 'bigint' })
  epoch!: string;

  /** End of the lease by the database's clock. */
  @Column({ name: 'expires_at', type: 'timestamptz' })
  expiresAt!: Date;
}
