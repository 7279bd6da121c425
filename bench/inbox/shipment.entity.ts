import { Column, Entity, PrimaryColumn } from 'typeorm';

export interface Line {
  readonly sku: string;
  readonly quantity: number;
  readonly price: number;
}

/** The row that a handler writes for each message. */
@Entity({ name: 'shipment' })
export class Shipment {
  @PrimaryColumn({ name: 'order_id', type: 'uuid' })
  orderId!: string;

  @Column({ name: 'customer_id', type: 'varchar', length: 100 })
  customerId!: string;

  @Column({ type: 'jsonb' })
  lines!: readonly Line[];
}
