import { startKafkaBroker } from '../../../tools/parts';
import { endedAtLast } from '../support/cleanup';
import { createDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { describeWithKafka, partitionsOf } from '../support/kafka';
import { startProgram } from '../support/program';

jest.setTimeout(300_000);

const READY_SECONDS = 60;

describeWithKafka('The sample shop that only writes, beside the relay in a process of its own', () => {
  it('has its orders delivered by that; SIGTERM ends it with exit code 0, and leaves nothing behind', async () => {
    const database = await createDatabase();
    // Its own broker: the topic has a fixed name.
    const broker = await startKafkaBroker({ own: true, log: () => undefined });
    const stopBroker = endedAtLast(() => broker.stop());
    const env = { DATABASE_URL: database.url, KAFKA_BROKERS: broker.brokers.join(',') };
    // Nobody but the relay is there to make the topic; without it, the first events would die.
    const early = startProgram('dist/sample-app/relay.js', [], env);
    await eventually('the relay to deliver', () => early.output.stdout.includes('The relay delivers to'), {
      seconds: READY_SECONDS,
    });
    expect(await partitionsOf('orders', [...broker.brokers])).toBe(6);
    early.kill('SIGTERM');
    expect(await early.exit).toBe(0);
    const shop = startProgram('dist/sample-app/main.js', [], { ...env, PORT: '0', SHOP_RELAY: 'false' });
    const [, url] = await eventually(
      'the shop to serve',
      () => /^The shop serves (http:\S+)$/m.exec(shop.output.stdout),
      { seconds: READY_SECONDS },
    );
    const place = async (sku: string): Promise<void> => {
      const response = await fetch(`${String(url)}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ customerId: 'ada', items: [{ sku, quantity: 1 }] }),
      });
      expect(response.status).toBe(201);
    };
    const get = async (path: string): Promise<unknown> => (await fetch(`${String(url)}${path}`)).json();
    const shipped = (skus: string[]): Promise<unknown> =>
      eventually(
        'the orders to be shipped in their order',
        async () => {
          const shipments = (await get('/shipments?customerId=ada')) as { items: { sku: string }[] }[];
          return shipments.map(({ items }) => items[0]?.sku).join() === skus.join();
        },
        { seconds: 120 },
      );
    const lanes = (): Promise<{ owned: number }[]> =>
      database.query(`select count(*)::int as owned from event_outbox_lane where expires_at > '-infinity'`);

    await place('tea');
    await place('sticker');
    expect(await get('/outbox/stats')).toMatchObject({ pending: 2, published: 0 });
    expect(await lanes()).toEqual([{ owned: 0 }]);

    const relay = startProgram('dist/sample-app/relay.js', [], env);
    await shipped(['tea', 'sticker']);
    expect(relay.output.stdout).toContain(`The relay delivers to ${env.KAFKA_BROKERS}`);
    expect(await lanes()).toEqual([{ owned: 64 }]);
    relay.kill('SIGTERM');
    expect(await relay.exit).toBe(0);
    expect(relay.output.stderr).toBe('');
    expect(await lanes()).toEqual([{ owned: 0 }]);

    // As a person starts it, from the same addresses.
    await place('tea');
    const command = startProgram('tools/npm-relay.cjs', [], env);
    await shipped(['tea', 'sticker', 'tea']);
    await eventually('what to run beside it', () => command.output.stdout.includes(`SHOP_RELAY='false' npm start`));
    command.kill('SIGTERM');
    expect(await command.exit).toBe(0);
    expect(await lanes()).toEqual([{ owned: 0 }]);

    shop.kill('SIGTERM');
    expect(await shop.exit).toBe(0);
    await stopBroker();
    await database.drop();
  });
});
