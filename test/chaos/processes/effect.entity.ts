import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** What a consumer does for an event. Nothing in the table keeps it from being there twice: that is left to the inbox. */
@Entity({ name: 'chaos_effect' })
export class Effect {
  /** In the order in which they were written. */
  @PrimaryGeneratedColumn('identity', { name: 'n', type: 'bigint', generatedIdentity: 'ALWAYS' })
  n!: string;

  @Column({ name: 'event_id', type: 'uuid' })
  eventId!: string;

  /** The process, by its name. */
  @Column({ name: 'done_by', type: 'text' })
  doneBy!: string;
}
