import type {
  OutboxMessage,
  OutboxModuleOptions,
  OutboxPublisher,
  PublishOutcome,
  PublishResult,
} from 'nestjs-outboxed';
import { addAll, addOfKey, allSettled } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';

type Publish = (batch: readonly OutboxMessage[]) => PublishResult | Promise<PublishResult>;

describe('A publisher of the application', () => {
  let database: TestDatabase;
  let app: OutboxApp;
  let calls: (readonly OutboxMessage[])[];
  let taken: OutboxMessage[];
  let publish: Publish;

  const takeAll: Publish = (batch) => {
    taken.push(...batch);
    return { outcomes: batch.map(() => ({ status: 'published' })) };
  };

  const start = async (options: OutboxModuleOptions = {}): Promise<void> => {
    const publisher: OutboxPublisher = {
      connect: () => Promise.resolve(),
      publish: async (batch) => {
        calls.push(batch);
        return publish(batch);
      },
      disconnect: () => Promise.resolve(),
    };
    app = await startOutboxApp({ url: database.url, outbox: { publisher, pollIntervalSeconds: 0.05, ...options } });
  };

  beforeEach(async () => {
    database = await createDatabase();
    calls = [];
    taken = [];
    publish = takeAll;
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  const warnings = (): string[] => app.logs.filter((line) => line.includes('resumes by itself'));
  const idsTaken = (): string[] => taken.map(({ id }) => id);

  /** It is asked again, with growing pauses: 5 calls take half of a second on average, and far more of them would be a spin. */
  const isAskedInPeace = async (): Promise<void> => {
    const began = performance.now();
    await eventually('several calls', () => calls.length >= 5);
    await eventually('a second to pass', () => performance.now() - began > 1000);
    expect(calls.length).toBeLessThan(60);
    expect(warnings()).toHaveLength(1);
  };

  it('that throws is asked again in peace, which is told once; nothing is lost', async () => {
    publish = () => {
      throw new Error('a programming error');
    };
    await start();
    const ids = await addOfKey(app, 'a', 10);
    await isAskedInPeace();
    expect(warnings()[0]).toContain('a programming error');
    publish = takeAll;
    await allSettled(app);
    expect(idsTaken()).toEqual(ids);
    expect(await app.outbox.stats()).toMatchObject({ failing: 0, published: 10 });
  });

  it('that throws now and then loses nothing, and the first deliveries are in order', async () => {
    let asked = 0;
    publish = (batch) => {
      if (++asked % 3 === 0) {
        // After it has taken some of them.
        taken.push(...batch.slice(0, batch.length / 2));
        throw new Error('a programming error');
      }
      return takeAll(batch);
    };
    await start({ batchSize: 50 });
    const ids = await addOfKey(app, 'a', 500);
    await allSettled(app);
    expect([...new Set(idsTaken())]).toEqual(ids);
  });

  it.each<[string, Publish]>([
    ['gives no outcome', () => ({ outcomes: [] })],
    ['says "retry" for no reason', (batch) => ({ outcomes: batch.map(() => ({ status: 'retry' })) })],
    ['answers with nothing', () => undefined as unknown as PublishResult],
    [
      'gives outcomes that are none',
      (batch) => ({ outcomes: batch.map(() => undefined as unknown as PublishOutcome) }),
    ],
  ])('that %s is asked again in peace, which is told once', async (_, odd) => {
    publish = odd;
    await start();
    const ids = await addOfKey(app, 'a', 10);
    await isAskedInPeace();
    publish = takeAll;
    await allSettled(app);
    expect(idsTaken()).toEqual(ids);
    expect((await app.outbox.stats()).failing).toBe(0);
  });

  it('that gives fewer outcomes than it was given messages is given the others again, in order', async () => {
    publish = (batch) => {
      const some = batch.slice(0, 7);
      taken.push(...some);
      return { outcomes: some.map(() => ({ status: 'published' })) };
    };
    await start({ batchSize: 20 });
    const ids = await addOfKey(app, 'a', 100);
    await allSettled(app);
    expect(idsTaken()).toEqual(ids);
  });

  it('that says "retry" for one key for ever does not hold up others, and is not asked without end', async () => {
    publish = (batch) => {
      taken.push(...batch.filter(({ key }) => key !== 'stuck'));
      return { outcomes: batch.map(({ key }) => ({ status: key === 'stuck' ? 'retry' : 'published' })) };
    };
    await start();
    // Of one transaction: a batch of `stuck` alone would be told of as an outage, and told of again when others have shown that there is none.
    const ids = await addAll(app, [
      ...Array.from({ length: 3 }, () => ({ eventKey: 'stuck' })),
      ...Array.from({ length: 100 }, (_, n) => ({ eventKey: `key-${n}` })),
    ]);
    const [stuck, others] = [ids.slice(0, 3), ids.slice(3)];
    await eventually('the others', () => taken.length >= 100);
    await isAskedInPeace();
    const [later] = await addOfKey(app, 'later', 1);
    await eventually('a later one', () => idsTaken().includes(later!));
    expect([...idsTaken()].sort()).toEqual([...others, later!].sort());
    publish = takeAll;
    await allSettled(app);
    expect(taken.filter(({ key }) => key === 'stuck').map(({ id }) => id)).toEqual(stuck);
  });

  it('that refuses several messages of a key at once gets them back in order', async () => {
    let refusals = 0;
    publish = (batch) => {
      if (batch.some(({ key }) => key === 'a') && refusals++ < 2) {
        return { outcomes: batch.map(({ key }) => (key === 'a' ? { status: 'rejected', reason: 'no such topic' } : { status: 'published' })) }; // prettier-ignore
      }
      return takeAll(batch);
    };
    await start({ errorRetryIntervalSeconds: 0.3, maxRetries: 100 });
    const ids = await addOfKey(app, 'a', 50);
    await allSettled(app);
    expect(idsTaken()).toEqual(ids);
  });

  it('whose reason is long or odd is understood', async () => {
    publish = (batch) => ({
      outcomes: batch.map(() => ({ status: 'rejected', reason: `\0${'\u{1d11e}'.repeat(100_000)}` })),
    });
    await start({ maxRetries: 0 });
    await addOfKey(app, 'a', 2);
    await eventually('both to die', async () => (await app.outbox.stats()).deadLetters === 2);
  });

  it('that cannot connect at the start is used all the same', async () => {
    const publisher: OutboxPublisher = {
      connect: () => Promise.reject(new Error('not yet')),
      publish: (batch) => Promise.resolve(takeAll(batch)),
      disconnect: () => Promise.reject(new Error('never connected')),
    };
    app = await startOutboxApp({ url: database.url, outbox: { publisher } });
    const ids = await addOfKey(app, 'a', 3);
    await allSettled(app);
    expect(idsTaken()).toEqual(ids);
  });
});
