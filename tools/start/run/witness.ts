import { Pool } from 'pg';
import type { CommittedOrder } from './tally';

/**
 * Reads in the database what has become of a run. The order of commits is taken from the numbers of the credit entries, which are drawn
 * under a row lock of the shop's own: so it holds whatever the outbox does.
 */
export class Witness {
  readonly #pool: Pool;

  constructor(
    databaseUrl: string,
    private readonly runId: string,
  ) {
    this.#pool = new Pool({ connectionString: databaseUrl, max: 1, connectionTimeoutMillis: 10_000 });
    this.#pool.on('error', () => undefined); // the next query connects again, or fails with the reason
  }

  async committedOrders(): Promise<CommittedOrder[]> {
    const { rows } = await this.#pool.query<{ order_id: string; customer_id: string; number: number }>(
      `select entry.order_id, entry.customer_id, entry.number
       from credit_entry entry join shop_order on shop_order.id = entry.order_id
       where entry.customer_id like $1`,
      [`${this.runId}-%`],
    );
    return rows.map((row) => ({ orderId: row.order_id, key: row.customer_id, position: row.number }));
  }

  async publishedEvents(): Promise<number> {
    const { rows } = await this.#pool.query<{ count: string }>(
      'select count(*) from event_outbox where event_key like $1 and published_at is not null',
      [`${this.runId}-%`],
    );
    return Number(rows[0]?.count ?? 0);
  }

  async shipments(): Promise<{ id: string; orderId: string }[]> {
    const { rows } = await this.#pool.query<{ event_id: string; order_id: string }>(
      'select event_id, order_id from shipment where customer_id like $1 order by position',
      [`${this.runId}-%`],
    );
    return rows.map((row) => ({ id: row.event_id, orderId: row.order_id }));
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
