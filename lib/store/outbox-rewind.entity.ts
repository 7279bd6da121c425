import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/**
 * An operator's request: a held key of this lane was let go, so its owner has to look at the lane from the beginning before it delivers anything
 * else of it. A row of its own, and not a mark at the lane: an operator's transaction that stays open must not hold up those who lease and settle.
 */
@Entity({ name: 'event_outbox_rewind' })
export class OutboxRewind {
  @PrimaryGeneratedColumn('identity', { name: 'id', type: 'bigint', generatedIdentity: 'ALWAYS' })
  id!: string;

  @Column({ name: 'lane', type: 'smallint' })
  lane!: number;
}
