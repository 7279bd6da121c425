import { setTimeout as sleep } from 'node:timers/promises';
import { EventSubscriber, type BeforeQueryEvent, type EntitySubscriberInterface } from 'typeorm';
import { OutboxTransactionRequiredError } from 'nestjs-outboxed';
import { createDatabase, type TestDatabase } from '../support/database';
import { Item } from '../support/item.entity';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';

/** Takes its time before some statements, as a subscriber that asks another service would. */
@EventSubscriber()
class SlowSubscriber implements EntitySubscriberInterface {
  async beforeQuery(event: BeforeQueryEvent): Promise<void> {
    if (JSON.stringify(event.parameters ?? []).includes('slow')) {
      await sleep(80);
    }
  }
}

describe('What reaches the server late or never', () => {
  let database: TestDatabase;
  let app: OutboxApp;

  const start = async (typeorm: object): Promise<void> => {
    app = await startOutboxApp({ url: database.url, typeorm });
  };
  const stored = async (): Promise<string[]> =>
    (
      await database.query<{ id: string }>(
        'select id from item union all select aggregate_id from event_outbox order by 1',
      )
    ).map(({ id }) => id);

  beforeEach(async () => {
    database = await createDatabase();
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  it('a transaction whose ROLLBACK could not be sent is not committed by the next user of its connection', async () => {
    await start({ poolSize: 1, extra: { query_timeout: 500 } });
    const items = app.dataSource.getRepository(Item);
    await expect(
      app.dataSource.transaction(async () => {
        await items.insert({ id: 'lost' });
        await app.outbox.addEvent(anEvent({ aggregateId: 'lost' }));
        // Goes on at the server when the client has given up, and the ROLLBACK behind it is given up, too.
        await app.dataSource.query('select pg_sleep(2)');
      }),
    ).rejects.toThrow('timeout');
    await app.dataSource.transaction(() => items.insert({ id: 'next' }));
    expect(await stored()).toEqual(['next']);
  });

  it('a statement that a subscriber delays beyond the end of its transaction is not run', async () => {
    await start({ subscribers: [SlowSubscriber] });
    const items = app.dataSource.getRepository(Item);
    let slow: Promise<unknown> = Promise.resolve();
    await expect(
      app.dataSource.transaction(async () => {
        slow = items.insert({ id: 'slow' });
        slow.catch(() => undefined);
        await sleep(10);
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await expect(slow).rejects.toMatchObject({ code: 'OUTBOX_TRANSACTION_ENDED' });
    expect(await stored()).toEqual([]);
  });

  it('a runner that was released without an end takes no event', async () => {
    await start({});
    const queryRunner = app.dataSource.createQueryRunner();
    await queryRunner.startTransaction();
    await queryRunner.release();
    await expect(app.outbox.addEvent(anEvent(), { queryRunner })).rejects.toBeInstanceOf(
      OutboxTransactionRequiredError,
    );
    expect(await stored()).toEqual([]);
  });

  it('a runner whose transaction is just being begun takes no event yet', async () => {
    await start({});
    const queryRunner = app.dataSource.createQueryRunner();
    await queryRunner.connect();
    const [, added] = await Promise.allSettled([
      queryRunner.startTransaction(),
      app.outbox.addEvent(anEvent(), { queryRunner }),
    ]);
    expect(added).toMatchObject({ status: 'rejected', reason: { code: 'OUTBOX_TRANSACTION_REQUIRED' } });
    await queryRunner.rollbackTransaction();
    await queryRunner.release();
    expect(await stored()).toEqual([]);
  });
});
