import { createDatabase, type TestDatabase } from '../support/database';
import { Item } from '../support/item.entity';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';

describe('A query runner that is made inside a transaction', () => {
  let database: TestDatabase;
  let app: OutboxApp;

  beforeAll(async () => {
    database = await createDatabase();
    app = await startOutboxApp({ url: database.url });
  });

  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  const stored = async (): Promise<string[]> =>
    (
      await database.query<{ id: string }>(
        'select id from item union all select aggregate_id from event_outbox order by 1',
      )
    ).map(({ id }) => id);

  it('joins it, until a transaction of its own is begun on it; what was got from it before takes part in that', async () => {
    await app.dataSource.transaction(async () => {
      const queryRunner = app.dataSource.createQueryRunner();
      const { manager } = queryRunner;
      const repository = manager.getRepository(Item);
      await repository.save({ id: 'joined' });
      await queryRunner.startTransaction();
      await repository.save({ id: 'own' });
      await app.outbox.addEvent(anEvent({ aggregateId: 'own-event' }), { manager });
      await app.outbox.addEvent(anEvent({ aggregateId: 'joined-event' }));
      await queryRunner.rollbackTransaction();
      await queryRunner.release();
    });
    expect(await stored()).toEqual(['joined', 'joined-event']);
  });
});
