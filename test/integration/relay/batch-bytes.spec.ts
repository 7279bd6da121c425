import { randomBytes } from 'node:crypto';
import { addAll, allSettled } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

const MEGABYTE = 1_000_000;

describe('A batch', () => {
  let database: TestDatabase;
  let app: OutboxApp;
  let publisher: RecordingPublisher;

  beforeEach(async () => {
    database = await createDatabase();
    publisher = new RecordingPublisher();
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  /** Adds payloads while no relay runs, has one deliver them, and returns the bytes of each of its batches. */
  const deliver = async (payloads: readonly string[], maxBatchBytes?: number): Promise<number[]> => {
    const writer = await startOutboxApp({ url: database.url, outbox: { relay: false, maxEventBytes: 5 * MEGABYTE } });
    const ids: string[] = [];
    for (let from = 0; from < payloads.length; from += 20) {
      const some = payloads.slice(from, from + 20);
      ids.push(...(await addAll(writer, some.map((eventData, n) => ({ eventKey: `key-${n % 7}`, eventData }))))); // prettier-ignore
    }
    await writer.close();
    app = await startOutboxApp({ url: database.url, outbox: { publisher, maxBatchBytes } });
    await allSettled(app, 120);
    expect([...publisher.ids].sort()).toEqual([...ids].sort());
    const keyOf = (index: number): string => `key-${(index % 20) % 7}`;
    for (const key of new Set(ids.map((_, index) => keyOf(index)))) {
      expect(publisher.idsOf(key)).toEqual(ids.filter((_, index) => keyOf(index) === key));
    }
    return publisher.batches.map((batch) => batch.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0));
  };

  it('keeps to its bytes where wide and narrow events are mixed', async () => {
    const wide = (): string => randomBytes(MEGABYTE / 2 - 10).toString('hex');
    const payloads = Array.from({ length: 1500 }, (_, n) => (n % 50 === 0 ? wide() : `narrow ${n}`));
    const bytes = await deliver(payloads, 3 * MEGABYTE);
    expect(Math.max(...bytes)).toBeLessThanOrEqual(3 * MEGABYTE);
    // 30 MB: not each wide one alone, and not each narrow one either.
    expect(bytes.length).toBeLessThan(40);
  });

  it('keeps to its bytes where a megabyte is stored as some kilobytes', async () => {
    const payloads = Array.from({ length: 150 }, () => 'x'.repeat(MEGABYTE - 10));
    const bytes = await deliver(payloads, 4 * MEGABYTE);
    expect(Math.max(...bytes)).toBeLessThanOrEqual(4 * MEGABYTE);
    expect(bytes.length).toBeLessThan(45);
  });

  it('holds one event alone that is larger than all its bytes', async () => {
    const payloads = Array.from({ length: 60 }, (_, n) => (n % 3 === 0 ? 'x'.repeat(2 * MEGABYTE) : `narrow ${n}`));
    const bytes = await deliver(payloads, MEGABYTE);
    expect(publisher.batches.filter((_, index) => bytes[index]! > MEGABYTE).every(({ length }) => length === 1)).toBe(
      true,
    );
  });
});
