import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

export type ShipmentStatus = 'preparing' | 'cancelled';

export interface ShipmentItem {
  readonly sku: string;
  readonly quantity: number;
}

@Entity({ name: 'shipment' })
@Index('shipment_customer_position', ['customerId', 'position'])
export class Shipment {
  @PrimaryColumn({ name: 'order_id', type: 'uuid' })
  orderId!: string;

  /** The event that it was made from; unique, as each is handled once. */
  @Column({ name: 'event_id', type: 'uuid', unique: true })
  eventId!: string;

  /** Order of packing. */
  @Column({ type: 'bigint', generated: 'identity', generatedIdentity: 'ALWAYS' })
  position!: string;

  @Column({ name: 'customer_id', type: 'varchar', length: 100 })
  customerId!: string;

  @Column({ type: 'jsonb' })
  items!: ShipmentItem[];

  @Column({ type: 'varchar', length: 20 })
  status!: ShipmentStatus;
}
