import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** What a handler does: a row of its own each time, so that what is done twice is there twice. */
@Entity({ name: 'effect' })
export class Effect {
  @PrimaryGeneratedColumn()
  n!: number;

  @Column('text', { name: 'event_id' })
  eventId!: string;
}
