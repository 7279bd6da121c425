import { TerminusModule } from '@nestjs/terminus';
import { OutboxHealthIndicator } from 'nestjs-outboxed/health';
import type { OutboxModuleOptions } from 'nestjs-outboxed';
import { addOfKey, allSettled } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';
import { queryLogger } from '../support/query-logger';
import { scraped } from '../support/scrape';

const SILENCE = /^Events are due, and nothing was delivered for/;

describe('When events are due and nothing is delivered', () => {
  let database: TestDatabase;
  let publisher: RecordingPublisher;
  let app: OutboxApp;

  const start = async (
    options: OutboxModuleOptions = {},
    onQuery: (query: string) => void = () => undefined,
  ): Promise<void> => {
    app = await startOutboxApp({
      url: database.url,
      outbox: { publisher, pollIntervalSeconds: 0.1, silenceSeconds: 1, enableMetrics: true, ...options },
      typeorm: { logger: queryLogger(onQuery) },
      imports: [TerminusModule],
      providers: [OutboxHealthIndicator],
    });
  };
  const silences = (): string[] => app.logs.filter((line) => SILENCE.test(line));
  const health = async (): Promise<{ status: string; silent?: string | null }> =>
    (await app.module.get(OutboxHealthIndicator).isHealthy('outbox')).outbox;

  beforeEach(async () => {
    database = await createDatabase();
    publisher = new RecordingPublisher();
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  it('says so once, with the reason, in the log, the metrics and the health; and that it is over', async () => {
    await start();
    publisher.away = 'no broker answers';
    await addOfKey(app, 'a', 2);
    await eventually('the warning', () => silences().length > 0);
    expect(silences()).toEqual([expect.stringContaining('the broker cannot be reached')]);
    expect(await scraped('outbox_silent', { reason: 'publisher_unavailable' })).toBe(1);
    expect(await health()).toMatchObject({ status: 'down', silent: 'publisher_unavailable' });
    publisher.away = undefined;
    await allSettled(app);
    await eventually('its end', () => app.logs.includes('Events are delivered again, or none is due.'));
    expect(await scraped('outbox_silent', { reason: 'publisher_unavailable' })).toBe(0);
    expect(await health()).toMatchObject({ status: 'up', silent: null });
    expect(silences()).toHaveLength(1);
  });

  it('knows that all that is due waits behind a key that is held', async () => {
    publisher.refuses = () => true;
    await start({ errorRetryIntervalSeconds: 3600 });
    await addOfKey(app, 'a', 3);
    await eventually('the warning', () => silences().length > 0);
    expect(silences()).toEqual([expect.stringContaining('the broker refuses')]);
    expect(await scraped('outbox_silent', { reason: 'keys_held' })).toBe(1);
  });

  it('knows, in a process that only writes, that nobody delivers', async () => {
    await start({ relay: false });
    await addOfKey(app, 'a', 1);
    await eventually('the warning', () => silences().length > 0);
    expect(silences()).toEqual([expect.stringContaining('no living relay owns their lanes')]);
    await app.module.get<{ drain(): Promise<unknown> }>((await import('nestjs-outboxed')).EventRelayWorker).drain();
    await eventually('its end', () => app.logs.includes('Events are delivered again, or none is due.'));
  });

  it('says nothing while there is nothing to do, nor of what is delayed', async () => {
    const looks: string[] = [];
    await start({}, (query) => {
      if (query.includes('orphaned')) {
        looks.push(query);
      }
    });
    const [id] = await addOfKey(app, 'a', 1);
    await allSettled(app);
    const later = `clock_timestamp() + interval '1 hour'`;
    await database.query(
      `update event_outbox set published_at = null, retry_at = ${later}, available_at = ${later} where id = $1`,
      [id],
    );
    const before = looks.length;
    await eventually('several looks of the detector', () => looks.length > before + 3);
    expect(silences()).toEqual([]);
  });
});
