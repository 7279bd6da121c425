import { randomInt, randomUUID } from 'node:crypto';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { outboxEntities, OutboxModule, OutboxRepository } from 'nestjs-outboxed';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { KEYS } from '../support/backlog';
import { Database } from '../support/database';
import { laneOf } from '../support/lanes';
import { rounded, type Bench, type Figure, type Measured } from '../support/measure';
import { alternate, perSecond, type Contender } from '../support/rounds';
import { ratio } from '../support/statistics';
import { Note } from './note.entity';

const PAYLOAD = {
  customer: 'ada',
  lines: Array.from({ length: 5 }, (_, n) => ({ sku: `sku-${String(n)}`, quantity: n, price: 9.99 })),
};

@Module({})
class BenchModule {}

interface Effort {
  readonly rounds: number;
  readonly milliseconds: number;
}

/** Transactions that save a row and add an event, over the same with a hand-written INSERT of the same row, both by TypeORM. */
export async function writeCost(bench: Bench): Promise<Measured> {
  const effort = bench.quick ? { rounds: 3, milliseconds: 600 } : { rounds: 15, milliseconds: 2000 };
  const c1 = await withClients(bench, 1, effort);
  const c8 = await withClients(bench, 8, effort);
  return {
    figures: [c1, c8],
    json: { write: { c1: rounded(c1.summary.median), c8: rounded(c8.summary.median) } },
  };
}

async function withClients(bench: Bench, clients: number, { rounds, milliseconds }: Effort): Promise<Figure> {
  const { url } = await Database.create(bench, [Note]);
  const options: DataSourceOptions = {
    type: 'postgres',
    url,
    entities: [...outboxEntities, Note],
    extra: { max: clients },
  };
  const app = await NestFactory.createApplicationContext(
    { module: BenchModule, imports: [TypeOrmModule.forRoot(options), OutboxModule.forRoot({ relay: false })] },
    { logger: false, abortOnError: false },
  );
  bench.scope.onEnd(() => app.close());
  const plain = await new DataSource(options).initialize();
  bench.scope.onEnd(() => plain.destroy());
  const withEvent = withOutbox(app.get<DataSource>(getDataSourceToken()), app.get(OutboxRepository));
  const [outboxed = [], byHand = []] = await alternate(
    [
      contender('addEvent', clients, milliseconds, withEvent),
      contender('INSERT', clients, milliseconds, withInsert(plain)),
    ],
    { rounds, log: bench.log, warmUp: true },
  );
  return {
    what: `writing, ${String(clients)} ${clients === 1 ? 'client' : 'clients'}: addEvent / INSERT`,
    summary: ratio(outboxed, byHand),
    digits: 2,
    from: `${perSecond(outboxed)}, INSERT ${perSecond(byHand)}`,
  };
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

function contender(
  name: string,
  clients: number,
  milliseconds: number,
  transaction: () => Promise<unknown>,
): Contender {
  return {
    name,
    measure: async () => {
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
