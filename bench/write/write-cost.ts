import { createHash, randomInt, randomUUID } from 'node:crypto';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { outboxEntities, OutboxModule, OutboxRepository } from 'nestjs-outboxed';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { compare, type Comparison, type Contender } from '../rounds';
import { Note } from './note.entity';

const KEYS = 500;
const PAYLOAD = {
  customer: 'ada',
  lines: Array.from({ length: 5 }, (_, n) => ({ sku: `sku-${String(n)}`, quantity: n, price: 9.99 })),
};

@Module({})
class BenchModule {}

/** Transactions per second that save a row and add an event, over the same with a hand-written INSERT of the same row, both by TypeORM. */
export async function writeCost(
  url: string,
  clients: number,
  effort: { rounds: number; milliseconds: number },
): Promise<Comparison> {
  const options: DataSourceOptions = {
    type: 'postgres',
    url,
    entities: [...outboxEntities, Note],
    synchronize: true,
    extra: { max: clients },
  };
  const app = await NestFactory.createApplicationContext(
    { module: BenchModule, imports: [TypeOrmModule.forRoot(options), OutboxModule.forRoot({ relay: false })] },
    { logger: false },
  );
  const plain = await new DataSource(options).initialize();
  try {
    const outboxed = contender(
      'addEvent',
      clients,
      withOutbox(app.get<DataSource>(getDataSourceToken()), app.get(OutboxRepository)),
    );
    const byHand = contender('INSERT', clients, withInsert(plain));
    return await compare([outboxed, byHand], effort);
  } finally {
    await plain.destroy();
    await app.close();
  }
}

function withOutbox(dataSource: DataSource, outbox: OutboxRepository): () => Promise<unknown> {
  const notes = dataSource.getRepository(Note);
  return () =>
    dataSource.transaction(async () => {
      const id = randomUUID();
      await notes.insert({ id, text: 'a note' });
      await outbox.addEvent({
        aggregateType: 'note',
        aggregateId: randomKey(),
        eventType: 'NoteWritten',
        topic: 'notes',
        eventData: { id, ...PAYLOAD },
      });
    });
}

function withInsert(dataSource: DataSource): () => Promise<unknown> {
  return () =>
    dataSource.transaction(async (manager) => {
      const id = randomUUID();
      await manager.insert(Note, { id, text: 'a note' });
      const key = randomKey();
      await manager.query(
        `insert into event_outbox (xid, id, lane, aggregate_type, aggregate_id, event_type, topic, event_key, event_data, headers)
         values (pg_current_xact_id()::text::bigint, $1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [uuidv7(), laneOf(key), 'note', key, 'NoteWritten', 'notes', key, JSON.stringify({ id, ...PAYLOAD }), null],
      );
    });
}

function contender(name: string, clients: number, transaction: () => Promise<unknown>): Contender {
  return {
    name,
    measure: async (milliseconds) => {
      const began = performance.now();
      const deadline = began + milliseconds;
      let done = 0;
      const client = async (): Promise<void> => {
        while (performance.now() < deadline) {
          await transaction();
          done++;
        }
      };
      await Promise.all(Array.from({ length: clients }, client));
      return done / ((performance.now() - began) / 1000);
    },
  };
}

function randomKey(): string {
  return `key-${String(randomInt(KEYS))}`;
}

/** A row needs its lane, whoever writes it. */
function laneOf(key: string): number {
  return createHash('sha256').update(key).digest().readInt32BE(0) & 63;
}
