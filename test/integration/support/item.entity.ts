import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An ordinary row of an application, to be saved beside events. */
@Entity({ name: 'item' })
export class Item {
  @PrimaryColumn('text')
  id!: string;

  @Column('text', { default: '' })
  note!: string;
}
