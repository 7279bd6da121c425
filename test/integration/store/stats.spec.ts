import { createDatabase } from '../support/database';
import { addDeadLetter } from '../support/dead-letters';
import { anEvent, startOutboxApp } from '../support/outbox-app';

describe('The statistics', () => {
  it('tell failing, delayed, delivered and dead events apart, and leave delayed ones out of the age', async () => {
    const database = await createDatabase();
    const app = await startOutboxApp({ url: database.url });
    expect(await app.outbox.stats()).toEqual({
      pending: 0,
      failing: 0,
      delayed: 0,
      published: 0,
      deadLetters: 0,
      oldestPendingSeconds: 0,
    });
    const ids = await app.dataSource.transaction(() =>
      app.outbox.addEvents(Array.from({ length: 6 }, () => anEvent())),
    );
    const [plain, failing, delayed, due, published] = ids;
    const change = (id: string | undefined, values: string): Promise<object[]> =>
      database.query(`update event_outbox set ${values} where id = $1`, [id]);
    await change(plain, `created_at = now() - interval '2 minutes'`);
    await change(failing, `attempts = 2, retry_at = now() + interval '1 hour', created_at = now() - interval '1 hour'`);
    const later = `(now() + interval '1 hour')`;
    await change(delayed, `available_at = ${later}, retry_at = ${later}, created_at = now() - interval '2 hours'`);
    const before = `(now() - interval '1 minute')`;
    await change(due, `available_at = ${before}, retry_at = ${before}, created_at = now() - interval '3 hours'`);
    await change(published, `published_at = now(), created_at = now() - interval '3 hours'`);
    await addDeadLetter(database);

    const { oldestPendingSeconds, ...counts } = await app.outbox.stats();
    expect(counts).toEqual({ pending: 5, failing: 1, delayed: 1, published: 1, deadLetters: 1 });
    expect(oldestPendingSeconds).toBeGreaterThanOrEqual(3600);
    expect(oldestPendingSeconds).toBeLessThan(3900);

    await database.query('delete from event_outbox where id <> all ($1::uuid[])', [[delayed]]);
    expect(await app.outbox.stats()).toMatchObject({ pending: 1, delayed: 1, oldestPendingSeconds: 0 });
    await change(delayed, `attempts = 1`);
    expect(await app.outbox.stats()).toMatchObject({ pending: 1, failing: 1, delayed: 0 });
    await app.close();
    await database.drop();
  });
});
