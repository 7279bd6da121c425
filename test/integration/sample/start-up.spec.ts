import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startProgram, type Program } from '../support/program';

const shop = (env: Record<string, string>): Program => startProgram('dist/sample-app/main.js', [], env);

/** A port on which nothing listens. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('The sample shop', () => {
  const withoutInternals = (text: string): void => {
    expect(text).not.toMatch(/^\s+at /m);
    expect(text).not.toContain('node_modules');
  };

  it('says that there is no database, where it looked and what to do; without the password', async () => {
    const port = await deadPort();
    const run = shop({
      DATABASE_URL: `postgres://shop:hunter2@127.0.0.1:${String(port)}/shop`,
      KAFKA_BROKERS: 'none',
      PORT: '0',
    });
    expect(await run.exit).toBe(1);
    expect(run.output.stderr).toContain(`127.0.0.1:${String(port)}`);
    expect(run.output.stderr).toContain('DATABASE_URL');
    expect(run.output.stderr).not.toContain('hunter2');
    withoutInternals(run.output.stderr);
  });

  it('has a relay that says the same in a process of its own, and that it needs brokers', async () => {
    const relay = (env: Record<string, string>): Program => startProgram('dist/sample-app/relay.js', [], env);
    const url = `postgres://shop:hunter2@127.0.0.1:${String(await deadPort())}/shop`;
    const run = relay({ DATABASE_URL: url, KAFKA_BROKERS: 'localhost:9092' });
    const wrong = relay({ DATABASE_URL: url, KAFKA_BROKERS: 'none' });
    expect([await run.exit, await wrong.exit]).toEqual([1, 1]);
    expect(run.output.stderr).toMatch(/^PostgreSQL at 127\.0\.0\.1:\d+ \(database "shop"\) cannot be used/);
    expect(run.output.stderr).not.toContain('hunter2');
    expect(wrong.output.stderr).toContain('KAFKA_BROKERS is "none"');
    withoutInternals(run.output.stderr + wrong.output.stderr);
  });

  it('names every wrong setting at once', async () => {
    const run = shop({ DATABASE_URL: 'mysql://x', KAFKA_BROKERS: 'localhost', PORT: 'eighty' });
    expect(await run.exit).toBe(1);
    for (const name of ['DATABASE_URL', 'KAFKA_BROKERS', 'PORT']) {
      expect(run.output.stderr).toContain(name);
    }
    withoutInternals(run.output.stderr);
  });

  it('says that its port is taken, and how to choose another', async () => {
    const database = await createDatabase();
    const other = createServer().listen(0);
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const run = shop({ DATABASE_URL: database.url, KAFKA_BROKERS: 'none', PORT: String(port) });
    expect(await run.exit).toBe(1);
    expect(run.output.stderr).toContain(`Port ${String(port)}`);
    expect(run.output.stderr).toContain('PORT');
    withoutInternals(run.output.stderr);
    other.close();
    await database.drop();
  });

  it('serves without a broker: it takes orders, says once that events wait, and ends with exit code 0', async () => {
    const database = await createDatabase();
    const port = await deadPort();
    const broker = await deadPort();
    const run = shop({
      DATABASE_URL: database.url,
      KAFKA_BROKERS: `127.0.0.1:${String(broker)}`,
      PORT: String(port),
    });
    const placed = await eventually('an order to be taken', async () => {
      const response = await fetch(`http://127.0.0.1:${String(port)}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ customerId: 'ada', items: [{ sku: 'tea', quantity: 1 }] }),
      });
      return response.status === 201 && response;
    });
    expect(placed.status).toBe(201);
    const stats = (await (await fetch(`http://127.0.0.1:${String(port)}/outbox/stats`)).json()) as { pending: number };
    expect(stats.pending).toBe(1);
    await eventually('the outage to be told', () => run.output.stderr.includes('cannot be reached'));
    run.kill('SIGTERM');
    expect(await run.exit).toBe(0);
    withoutInternals(run.output.stderr);
    await database.drop();
  });
});
