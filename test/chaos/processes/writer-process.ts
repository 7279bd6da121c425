/** Several clients that write transactions, and note beforehand what they are about to do. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { OutboxModule, OutboxRepository, OutboxTransactions, type OutboxEvent } from 'nestjs-outboxed';
import type { DataSource } from 'typeorm';
import type { WrittenEvent } from '../checker/history';
import { digest } from '../history/digest';
import { Journal } from '../history/journal';
import { WRITER_JOURNAL, type WriterLine } from '../history/journal-lines';
import { Chance } from '../random';
import { MAX_EVENT_BYTES } from '../topics';
import { CLIENTS_PER_WRITER, parameters, WRITERS } from './parameters';
import { eventsOf, planTransaction, type PlannedEvent, type PlannedTransaction } from './plan';

@Module({})
class WriterModule {}

/** What ends a transaction or a savepoint that is to be rolled back. */
class OnPurpose extends Error {}

const { name, index, incarnation, seed, databaseUrl, folder, eventsPerSecond } = parameters();
const journal = new Journal<WriterLine>(join(folder, `${WRITER_JOURNAL}${name}.jsonl`));
const PAUSE_AFTER_FAILURE_MS = 200;
const MOST_BEHIND_MS = 5000;

let isOver = false;

class Client {
  private transactions = 0;
  private readonly dataSource: DataSource;
  private readonly outbox: OutboxRepository;
  private readonly nested: OutboxTransactions;

  constructor(
    app: INestApplicationContext,
    private readonly label: string,
    private readonly chance: Chance,
  ) {
    this.dataSource = app.get<DataSource>(getDataSourceToken());
    this.outbox = app.get(OutboxRepository);
    this.nested = app.get(OutboxTransactions);
  }

  async run(): Promise<void> {
    const msPerEvent = (1000 * WRITERS * CLIENTS_PER_WRITER) / eventsPerSecond;
    let next = performance.now();
    while (!isOver) {
      const plan = planTransaction(this.chance);
      await this.write(plan, `${this.label}-${String(this.transactions++)}`);
      // What an outage has delayed is not caught up with at once.
      next = Math.max(
        next + eventsOf(plan) * msPerEvent * this.chance.between(0.5, 1.5),
        performance.now() - MOST_BEHIND_MS,
      );
      await sleep(Math.max(0, next - performance.now()));
    }
  }

  private async write(plan: PlannedTransaction, transaction: string): Promise<void> {
    let sent = false;
    try {
      await this.dataSource.transaction(plan.isolation, async (manager) => {
        journal.write({ begun: transaction, events: eventsOf(plan) });
        await manager.query('insert into chaos_transaction values ($1, pg_current_xact_id())', [transaction]);
        await sleep(plan.openBefore * 1000);
        const events = await this.add(plan);
        await sleep(plan.openAfter * 1000);
        if (plan.rollsBack) {
          throw new OnPurpose();
        }
        journal.write({ committing: transaction, events, undone: eventsOf(plan) - events.length });
        sent = true;
      });
      journal.write({ told: transaction, outcome: 'committed' });
    } catch (error) {
      const isFailure = !(error instanceof OnPurpose);
      journal.write({
        told: transaction,
        ...(!sent && { outcome: 'rolled back' }),
        ...(isFailure && { failure: String(error) }),
      });
      if (isFailure) {
        // A fault is under way, or two transactions waited for each other's keys.
        await sleep(PAUSE_AFTER_FAILURE_MS);
      }
    }
  }

  private async add({ steps }: PlannedTransaction): Promise<WrittenEvent[]> {
    const kept: WrittenEvent[] = [];
    for (const { events: planned, savepoint } of steps) {
      const made = planned.map(makeEvent);
      const add = (): Promise<unknown> => this.outbox.addEvents(made.map(({ event }) => event));
      if (savepoint === 'none') {
        await add();
      } else {
        await this.nested
          .run(
            async () => {
              await add();
              if (savepoint === 'rolled back') {
                throw new OnPurpose();
              }
            },
            { propagation: 'NESTED' },
          )
          .catch(unlessOnPurpose);
      }
      if (savepoint !== 'rolled back') {
        kept.push(...made.map(({ written }) => written));
      }
    }
    return kept;
  }
}

function makeEvent({ key, topic, delay, fillerBytes, poison }: PlannedEvent): {
  event: OutboxEvent;
  written: WrittenEvent;
} {
  const id = randomUUID();
  const eventData = { id, key, filler: 'x'.repeat(fillerBytes) };
  return {
    event: {
      id,
      aggregateType: 'chaos',
      aggregateId: key,
      eventType: 'Written',
      topic,
      eventData,
      headers: { writer: name },
      ...(delay > 0 && { availableAt: new Date(Date.now() + delay * 1000) }),
    },
    written: { id, key, topic, value: digest(JSON.stringify(eventData)), delayed: delay > 0, poison },
  };
}

function unlessOnPurpose(error: unknown): void {
  if (!(error instanceof OnPurpose)) {
    throw error;
  }
}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(
    {
      module: WriterModule,
      imports: [
        TypeOrmModule.forRoot({
          type: 'postgres',
          url: databaseUrl,
          applicationName: name,
          autoLoadEntities: true,
          poolSize: CLIENTS_PER_WRITER + 2,
          retryAttempts: 1000,
          retryDelay: 300,
          extra: { connectionTimeoutMillis: 5000, query_timeout: 15_000 },
        }),
        OutboxModule.forRoot({ relay: false, maxEventBytes: MAX_EVENT_BYTES }),
      ],
    },
    { logger: ['fatal', 'error', 'warn'], abortOnError: false },
  );
  process.once('SIGTERM', () => (isOver = true));
  await Promise.all(
    Array.from({ length: CLIENTS_PER_WRITER }, (_, client) =>
      new Client(app, `${name}/${String(client)}`, Chance.of(seed, index, incarnation, client)).run(),
    ),
  );
  await app.close();
}

void main();
