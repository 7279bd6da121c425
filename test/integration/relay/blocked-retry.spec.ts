import { OutboxDeadLetters } from 'nestjs-outboxed';
import { AbstractLogger, type LogLevel, type LogMessage } from 'typeorm';
import { addOfKey, allSettled } from '../support/backlog';
import { createDatabase } from '../support/database';
import { addDeadLetter } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import { startOutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

jest.setTimeout(60_000);

/** Counts the statements that TypeORM is told of. */
class StatementCount extends AbstractLogger {
  number = 0;

  constructor() {
    super(['query']);
  }

  protected writeLog(_level: LogLevel, message: LogMessage | LogMessage[]): void {
    this.number += [message].flat().length;
  }
}

describe('A retry that is due, whose key a dead letter holds', () => {
  it('costs nothing while it waits, and is sent when an operator lets the key go', async () => {
    const database = await createDatabase();
    const count = new StatementCount();
    const publisher = new RecordingPublisher();
    const app = await startOutboxApp({
      url: database.url,
      // Renewing and polling are far away: each statement is for the retry.
      outbox: { publisher, pollIntervalSeconds: 3600, leaseSeconds: 3600, errorRetryIntervalSeconds: 1 },
      typeorm: { logger: count },
    });
    publisher.refuses = () => true;
    const [id] = await addOfKey(app, 'held', 1);
    await eventually('the refusal', async () => (await app.outbox.stats()).failing === 1);
    await addDeadLetter(database, { eventKey: 'held', holdsKey: true });
    publisher.refuses = () => false;
    await eventually('it to be due', async () => {
      const [row] = await database.query<{ due: boolean }>(
        'select retry_at < clock_timestamp() as due from event_outbox',
      );
      return row?.due;
    });
    const began = performance.now();
    await eventually('what was under way to end', () => performance.now() - began > 1000);
    const before = count.number;
    await eventually('the time to pass', () => performance.now() - began > 6000);
    expect(count.number - before).toBeLessThanOrEqual(2);
    expect(publisher.ids).toEqual([]);

    expect(await app.module.get(OutboxDeadLetters).release('held')).toBe(1);
    await allSettled(app, 5);
    expect(publisher.ids).toEqual([id]);
    await app.close();
    await database.drop();
  });
});
