import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A charge. A customer's entries are numbered without gaps, in the order in which their transactions committed. */
@Entity({ name: 'credit_entry' })
export class CreditEntry {
  @PrimaryColumn({ name: 'customer_id', type: 'varchar', length: 100 })
  customerId!: string;

  @PrimaryColumn({ type: 'integer' })
  number!: number;

  @Column({ name: 'order_id', type: 'uuid' })
  orderId!: string;

  @Column({ name: 'amount_cents', type: 'integer' })
  amountCents!: number;
}
