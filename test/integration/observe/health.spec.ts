import { TerminusModule } from '@nestjs/terminus';
import { OutboxHealthIndicator, type OutboxHealthOptions } from 'nestjs-outboxed/health';
import { addOfKey, allSettled } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

describe('The health of the outbox', () => {
  let database: TestDatabase;
  let publisher: RecordingPublisher;
  let app: OutboxApp;

  beforeEach(async () => {
    database = await createDatabase();
    publisher = new RecordingPublisher();
    app = await startOutboxApp({
      url: database.url,
      outbox: { publisher, pollIntervalSeconds: 0.1 },
      imports: [TerminusModule],
      providers: [OutboxHealthIndicator],
    });
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  const health = async (options?: OutboxHealthOptions): Promise<Record<string, unknown>> =>
    (await app.module.get(OutboxHealthIndicator).isHealthy('outbox', options)).outbox;

  it('is up where all is well', async () => {
    await addOfKey(app, 'a', 2);
    await allSettled(app);
    await eventually('an empty outbox', async () => (await health())['pending'] === 0);
    expect(await health()).toEqual({
      status: 'up',
      database: 'reachable',
      publisher: 'reachable',
      unreachableSeconds: 0,
      pending: 0,
      oldestPendingSeconds: 0,
      heldKeys: 0,
      deadLetters: 0,
      silent: null,
    });
  });

  it('is down when the broker is away for longer than the limit, and not before', async () => {
    publisher.away = 'no broker at kafka.internal:9092 for user admin';
    await addOfKey(app, 'a', 1);
    await eventually('the outage', async () => (await health({ maxUnreachableSeconds: 0.2 }))['status'] === 'down');
    const report = await health({ maxUnreachableSeconds: 60 });
    expect(report).toMatchObject({ status: 'up', publisher: 'unreachable' });
    expect(JSON.stringify(report)).not.toMatch(/kafka|admin/);
    publisher.away = undefined;
    await allSettled(app);
    expect(await health({ maxUnreachableSeconds: 0.2 })).toMatchObject({ status: 'up', publisher: 'reachable' });
  });

  it('is down when the database cannot be read for longer than the limit, and up when it can be again', async () => {
    await database.query('alter table event_outbox rename to event_outbox_away');
    await eventually('the failure', async () => (await health())['database'] === 'unreachable');
    await eventually('the limit', async () => (await health({ maxUnreachableSeconds: 0.2 }))['status'] === 'down');
    expect(await health()).toMatchObject({ status: 'up', pending: null, oldestPendingSeconds: null });
    await database.query('alter table event_outbox_away rename to event_outbox');
    await eventually('recovery', async () => (await health({ maxUnreachableSeconds: 0.2 }))['status'] === 'up');
  });

  it('is down when the oldest event has been due for longer than the limit', async () => {
    publisher.refuses = () => true;
    await addOfKey(app, 'a', 1);
    await database.query(`update event_outbox set created_at = created_at - interval '100 seconds'`);
    await eventually('the age', async () => (await health({ maxOldestPendingSeconds: 90 }))['status'] === 'down');
    expect(await health({ maxOldestPendingSeconds: 600 })).toMatchObject({ status: 'up', pending: 1 });
  });
});
