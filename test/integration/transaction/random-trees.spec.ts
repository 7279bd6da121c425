import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { EntityManager } from 'typeorm';
import { anEvent } from '../support/outbox-app';
import { expectedOf, trees, type Expected, type Frame } from '../support/random-tree';
import { TransactionSuite } from '../support/transaction-suite';
import { allConnectionsAreBack } from '../support/pool';

/** Random trees of frames against a model. To see a failure again: OUTBOX_TEST_SEED=<seed>; for more of them: OUTBOX_TEST_TREES=<number>. */
const SEED = Number(process.env['OUTBOX_TEST_SEED'] ?? Date.now() % 2 ** 31);
const TREES = Number(process.env['OUTBOX_TEST_TREES'] ?? 2000);
/** Trees of one property run, which are compared with one query. */
const BATCH = 50;
/** Trees that go through the database at the same time. Each may hold one connection a level, so the pool has room for all of them. */
const AT_ONCE = 8;
const LEVELS = 6;

class Failure extends Error {}

describe(`${String(TREES)} random trees of nested frames (OUTBOX_TEST_SEED=${String(SEED)})`, () => {
  const suite = TransactionSuite.declare({ typeorm: { extra: { max: AT_ONCE * LEVELS } } });
  let number = 0;
  let kept = 0;
  let lost = 0;

  /** Runs a tree on the real thing. Names count up as they do in the model. */
  async function play(tree: Frame, id: string): Promise<void> {
    const { transactions, dataSource, outbox } = suite.app;
    let written = 0;
    const name = (): string => `${id}.${String(++written)}`;
    // All rows of the suite in ways that take turns.
    const row = async (): Promise<void> => {
      const row = name();
      switch (written % 3) {
        case 0:
          await suite.writers.items.insert({ id: row });
          break;
        case 1:
          await dataSource.query('insert into item (id) values ($1)', [row]);
          break;
        default:
          await suite.writers.custom.save({ id: row });
      }
    };
    // Each event has a key of its own: an independent transaction would wait for ever for a key that the one around it has locked.
    const events = async (count: number): Promise<void> => {
      const all = Array.from({ length: count }, () => anEvent({ aggregateId: name() }));
      await (count === 1 ? outbox.addEvent(all[0]!) : outbox.addEvents(all));
    };

    const perform = async (frame: Frame, manager: EntityManager | undefined): Promise<void> => {
      for (const step of frame.steps) {
        switch (step.kind) {
          case 'row':
            await row();
            break;
          case 'events':
            await events(step.count);
            break;
          case 'await':
            await turn();
            break;
          case 'together':
            await Promise.all(step.writes.map((what) => (what === 'row' ? row() : events(1))));
            break;
          case 'frame':
            if (step.caught) {
              await run(step.frame, manager).catch(() => undefined);
            } else {
              await run(step.frame, manager);
            }
            break;
        }
      }
      if (frame.end === 'sql') {
        await dataSource.query('select 1 / 0');
      }
      if (frame.end === 'fails') {
        throw new Failure();
      }
    };

    // `manager`: that of the open transaction, where it was handed out.
    const run = async (frame: Frame, manager: EntityManager | undefined): Promise<void> => {
      const { opening } = frame;
      if (opening === 'transaction') {
        await dataSource.transaction((own) => perform(frame, own));
      } else if (opening === 'savepoint' && manager !== undefined) {
        await manager.transaction((same) => perform(frame, same));
      } else {
        const propagation = opening === 'savepoint' ? 'NESTED' : opening;
        await transactions.run(() => perform(frame, propagation === 'REQUIRES_NEW' ? undefined : manager), {
          propagation,
        });
      }
    };

    await run(tree, undefined).catch(() => undefined);
  }

  async function storedOf(ids: readonly string[]): Promise<Map<string, Expected>> {
    const found = await suite.database.query<{ kind: 'rows' | 'events'; name: string }>(
      `select 'rows' as kind, id as name from item where split_part(id, '.', 1) = any ($1)
       union all
       select 'events', aggregate_id from event_outbox where split_part(aggregate_id, '.', 1) = any ($1)`,
      [ids],
    );
    const stored = new Map<string, Expected>(ids.map((id) => [id, { rows: [], events: [] }]));
    for (const { kind, name } of found) {
      stored.get(name.split('.')[0]!)![kind].push(name);
    }
    for (const { rows, events } of stored.values()) {
      rows.sort();
      events.sort();
    }
    return stored;
  }

  it('leave exactly the rows and events of the model', async () => {
    console.info(`random trees: OUTBOX_TEST_SEED=${String(SEED)}`);
    await fc.assert(
      fc.asyncProperty(fc.array(trees, { minLength: BATCH, maxLength: BATCH }), async (batch) => {
        const run = batch.map((tree) => ({ tree, id: `t${String(++number)}` }));
        const waiting = [...run];
        await Promise.all(
          Array.from({ length: AT_ONCE }, async () => {
            for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
              await play(next.tree, next.id);
            }
          }),
        );
        const stored = await storedOf(run.map(({ id }) => id));
        for (const { tree, id } of run) {
          const expected = expectedOf(tree, id);
          expect({ tree, ...stored.get(id) }).toEqual({ tree, ...expected });
          kept += expected.rows.length + expected.events.length > 0 ? 1 : 0;
          lost += expected.rows.length + expected.events.length > 0 ? 0 : 1;
        }
      }),
      { seed: SEED, numRuns: Math.ceil(TREES / BATCH), endOnFailure: true },
    );
    expect(number).toBeGreaterThanOrEqual(TREES);
    // The trees are worth something: many leave something behind, and many nothing.
    expect(Math.min(kept, lost)).toBeGreaterThan(TREES / 10);
  });

  it('leave no connection behind, and none with an open transaction', async () => {
    await allConnectionsAreBack(suite.app.dataSource);
    const open = await suite.database.query(
      `select query from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
    );
    expect(open).toEqual([]);
  });
});
