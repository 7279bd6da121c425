import type { KafkaMessage } from 'kafkajs';
import { DataSource, type DataSourceOptions, type EntityManager } from 'typeorm';
import type { Database } from '../support/database';
import type { Bench } from '../support/measure';
import { shipmentOf, type Consume } from './received';
import { Shipment } from './shipment.entity';

export async function createHandInbox(database: Database): Promise<void> {
  await database.query(
    `create table hand_inbox (consumer varchar(255), message_id varchar(255), processed_at timestamptz not null default now(),
       primary key (consumer, message_id))`,
  );
}

/** The deduplication that people write by hand, with TypeORM: an INSERT that does nothing where the message is known. */
export async function isNew(manager: EntityManager, { headers }: KafkaMessage): Promise<boolean> {
  const inserted = await manager.query<unknown[]>(
    'INSERT INTO hand_inbox (consumer, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1',
    ['shipping', String(headers?.['ce_id'])],
  );
  return inserted.length > 0;
}

/** With a data source of its own, in a process that does without the package: so the handler writes through the transaction's manager. */
export async function consumingWithout({ scope }: Bench, options: DataSourceOptions): Promise<Consume> {
  const dataSource = await new DataSource(options).initialize();
  scope.onEnd(() => dataSource.destroy());
  return async (payloads) => {
    for (const { message } of payloads) {
      await dataSource.transaction(async (manager) => {
        if (await isNew(manager, message)) {
          await manager.insert(Shipment, shipmentOf(message));
        }
      });
    }
  };
}
