import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The row that each transaction writes beside its event. */
@Entity({ name: 'note' })
export class Note {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  text!: string;
}
