import { setTimeout as sleep } from 'node:timers/promises';
import { startKafkaBroker } from '../../../tools/parts';
import { endedAtLast } from '../support/cleanup';
import { createDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { describeWithKafka } from '../support/kafka';
import { startProgram } from '../support/program';

jest.setTimeout(420_000);

describeWithKafka('The sample shop, placing 2000 orders by itself', () => {
  it('loses nothing, invents nothing and keeps the order when the broker is killed for 20 s in the middle', async () => {
    const database = await createDatabase();
    const broker = await startKafkaBroker({ own: true, log: () => undefined });
    const stopBroker = endedAtLast(() => broker.stop());
    const run = startProgram('tools/npm-start.cjs', ['--orders', '2000', '--json'], {
      DATABASE_URL: database.url,
      KAFKA_BROKERS: broker.brokers.join(','),
    });
    await eventually(
      'some orders to be delivered',
      async () => {
        const [row] = await database.query<{ n: number }>('select count(published_at)::int as n from event_outbox');
        return (row?.n ?? 0) > 100;
      },
      { seconds: 180 },
    );
    await broker.kill('SIGKILL');
    // The length of the outage is what is being tested.
    await sleep(20_000);
    await broker.start();

    expect(await run.exit).toBe(0);
    const result = JSON.parse(run.output.stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    expect(result).toMatchObject({
      broker: 'kafka',
      committed: 1800,
      rolledBack: 200,
      published: 1800,
      consumed: 1800,
      lost: 0,
      phantom: 0,
      outOfOrder: 0,
    });
    await stopBroker();
    await database.drop();
  });
});
