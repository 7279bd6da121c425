import { DataSource, type DataSourceOptions } from 'typeorm';
import type { Database } from '../support/database';
import type { Bench } from '../support/measure';
import { shipmentOf, type Consume } from './received';
import { Shipment } from './shipment.entity';

/** The deduplication that people write by hand, with TypeORM: an INSERT that does nothing where the message is known. */
export async function consumingByHand(
  { scope }: Bench,
  database: Database,
  options: DataSourceOptions,
): Promise<Consume> {
  await database.query(
    `create table hand_inbox (consumer varchar(255), message_id varchar(255), processed_at timestamptz not null default now(),
       primary key (consumer, message_id))`,
  );
  const dataSource = await new DataSource(options).initialize();
  scope.onEnd(() => dataSource.destroy());
  return async (payloads) => {
    for (const { message } of payloads) {
      await dataSource.transaction(async (manager) => {
        const inserted = await manager.query<unknown[]>(
          'INSERT INTO hand_inbox (consumer, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1',
          ['shipping', String(message.headers?.['ce_id'])],
        );
        if (inserted.length === 0) {
          return;
        }
        await manager.insert(Shipment, shipmentOf(message));
      });
    }
  };
}
