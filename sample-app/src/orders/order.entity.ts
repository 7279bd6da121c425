import { randomUUID } from 'node:crypto';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { totalCents, type OrderItem } from './catalogue';

export type OrderStatus = 'placed' | 'cancelled';

@Entity({ name: 'shop_order' })
export class Order {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ name: 'customer_id', type: 'varchar', length: 100 })
  customerId!: string;

  @Column({ type: 'jsonb' })
  items!: OrderItem[];

  @Column({ name: 'total_cents', type: 'integer' })
  totalCents!: number;

  @Column({ type: 'varchar', length: 20 })
  status!: OrderStatus;

  @Column({ name: 'placed_at', type: 'timestamptz' })
  placedAt!: Date;

  static of(customerId: string, items: readonly OrderItem[]): Order {
    return Object.assign(new Order(), {
      id: randomUUID(),
      customerId,
      items: items.map(({ sku, quantity }) => ({ sku, quantity })),
      totalCents: totalCents(items),
      status: 'placed' as const,
      placedAt: new Date(),
    });
  }
}
