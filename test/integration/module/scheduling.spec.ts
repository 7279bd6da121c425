import { Injectable } from '@nestjs/common';
import { Interval, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { EventRelayWorker, InProcessPublisher } from 'nestjs-outboxed';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { anEvent, startOutboxApp } from '../support/outbox-app';

@Injectable()
class Jobs {
  runs = 0;

  @Interval('own-job', 50)
  run(): void {
    this.runs++;
  }
}

describe('Scheduling', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createDatabase();
  });

  afterEach(() => database.drop());

  it("registers the poll and the upkeep in the application's scheduler registry, where the application can stop them", async () => {
    const app = await startOutboxApp({
      url: database.url,
      outbox: { publisher: new InProcessPublisher(), pollIntervalSeconds: 0.05 },
      imports: [ScheduleModule.forRoot()],
      providers: [Jobs],
    });
    const registry = app.module.get(SchedulerRegistry);
    expect(registry.getIntervals().sort()).toEqual([
      'outbox-relay-default',
      'outbox-silence-default',
      'outbox-upkeep-default',
      'own-job',
    ]);
    await eventually("the application's own job", () => app.module.get(Jobs).runs > 1);

    registry.deleteInterval('outbox-relay-default');
    registry.deleteInterval('outbox-upkeep-default');
    await app.close();
    expect(registry.getIntervals()).toEqual([]);
  });

  it('works without ScheduleModule, and polls for what other processes write', async () => {
    const publisher = new InProcessPublisher();
    const received: string[] = [];
    publisher.subscribe('items', ({ id }) => void received.push(id));
    const relay = await startOutboxApp({ url: database.url, outbox: { publisher, pollIntervalSeconds: 0.05 } });
    const writer = await startOutboxApp({ url: database.url });
    const id = await writer.dataSource.transaction(() => writer.outbox.addEvent(anEvent()));
    await eventually('delivery by the other application', () => received.includes(id));
    await writer.close();
    await relay.close();
  });

  it('with relay: false delivers nothing, and wake() does no harm', async () => {
    const app = await startOutboxApp({ url: database.url, imports: [ScheduleModule.forRoot()] });
    expect(app.module.get(SchedulerRegistry).getIntervals()).toEqual(['outbox-silence-default']);
    app.module.get(EventRelayWorker).wake();
    await app.dataSource.transaction(() => app.outbox.addEvent(anEvent()));
    const [row] = await database.query<{ n: number }>('select count(*)::int as n from event_outbox_lane');
    expect(row?.n).toBe(0);
    await app.close();
  });

  it('tells once, and how to mend it, when the tables do not exist; and goes on once they do', async () => {
    const publisher = new InProcessPublisher();
    const app = await startOutboxApp({
      url: database.url,
      typeorm: { synchronize: false },
      outbox: { publisher, pollIntervalSeconds: 0.05 },
    });
    await eventually('the message', () => app.logs.some((line) => line.includes('run the migration')));
    await app.dataSource.synchronize();
    await app.dataSource.transaction(() => app.outbox.addEvent(anEvent()));
    await eventually('delivery', async () => (await app.outbox.stats()).published === 1);
    expect(app.logs.filter((line) => line.includes('run the migration'))).toHaveLength(1);
    await app.close();
  });
});
