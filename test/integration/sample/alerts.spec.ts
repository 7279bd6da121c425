import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createShop } from '../../../sample-app/src/create-shop';
import { startKafkaBroker, type KafkaPart } from '../../../tools/parts';
import { endedAtLast } from '../support/cleanup';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { describeWithKafka } from '../support/kafka';
import {
  describeWithPrometheus,
  prometheusPrograms,
  startPrometheus,
  type RunningPrometheus,
} from '../support/prometheus';

const run = promisify(execFile);
const folder = join(__dirname, '../../../observability');

describeWithPrometheus('The alert rules', () => {
  it('are as Prometheus wants them', async () => {
    const { stdout } = await run(prometheusPrograms().promtool, ['check', 'rules', 'prometheus-rules.yml'], {
      cwd: folder,
    });
    expect(stdout).toMatch(/SUCCESS: \d+ rules found/);
  });

  it('fire when they should and not before, by their own tests', async () => {
    const { stdout, stderr } = await run(
      prometheusPrograms().promtool,
      ['test', 'rules', 'prometheus-rules.test.yml'],
      {
        cwd: folder,
      },
    );
    expect(stdout + stderr).toContain('SUCCESS');
  });

  describeWithKafka('in a Prometheus that asks the sample shop', () => {
    let database: TestDatabase;
    let broker: KafkaPart;
    let app: NestExpressApplication;
    let close: () => Promise<void>;
    let url: string;
    let prometheus: RunningPrometheus;

    beforeAll(async () => {
      [database, broker] = await Promise.all([createDatabase(), startKafkaBroker({ own: true, log: () => undefined })]);
      app = await createShop({ port: 0, databaseUrl: database.url, brokers: [...broker.brokers], relay: true });
      close = endedAtLast(() => app.close());
      await app.startAllMicroservices();
      await app.listen(0, '127.0.0.1');
      const { port } = app.getHttpServer().address() as AddressInfo;
      url = `http://127.0.0.1:${String(port)}`;
      prometheus = await startPrometheus(
        `127.0.0.1:${String(port)}`,
        inSeconds(await readFile(join(folder, 'prometheus-rules.yml'), 'utf8')),
      );
    });

    afterAll(async () => {
      await prometheus?.stop();
      await close?.();
      await broker?.stop();
      await database?.drop();
    });

    /** Minutes of waiting become seconds, and nothing else is another. */
    const inSeconds = (rules: string): string =>
      rules
        .replace(/for: (\d+)m/g, 'for: $1s')
        .replace(/\[(\d+)m\]/g, '[$1s]')
        .replace('_age_seconds) > 300', '_age_seconds) > 5');
    const placeOrder = async (): Promise<void> => {
      const response = await fetch(`${url}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ customerId: 'ada', items: [{ sku: 'tea', quantity: 1 }] }),
      });
      expect(response.status).toBe(201);
    };
    const firing = async (): Promise<string[]> =>
      (await prometheus.alerts())
        .filter(({ state }) => state === 'firing')
        .map(({ name }) => name)
        .sort();

    it('fire while the broker is away, and are silent before and after', async () => {
      await placeOrder();
      await eventually(
        'the delivery, as Prometheus sees it',
        async () => ((await prometheus.value('sum(outbox_events_published_total)')) ?? 0) >= 1,
      );
      // Until its first answer came, Prometheus has missed the metrics.
      await eventually('silence', async () => (await firing()).length === 0, { seconds: 60, everyMs: 500 });

      await broker.kill('SIGKILL');
      await placeOrder();
      const expected = ['OutboxLate', 'OutboxPublisherUnavailable', 'OutboxSilent'];
      const allFire = async (): Promise<boolean> => {
        const now = await firing();
        return expected.every((name) => now.includes(name));
      };
      await eventually('the alerts', allFire, { seconds: 150, everyMs: 500 });
      expect((await fetch(`${url}/health`)).status).toBe(503);
      const silent = (await prometheus.alerts()).find(({ name }) => name === 'OutboxSilent');
      expect(silent?.labels).toMatchObject({ service: '/shop', reason: 'publisher_unavailable', severity: 'critical' });

      await broker.start();
      await eventually('silence', async () => (await firing()).length === 0, { seconds: 100, everyMs: 500 });
      expect(await prometheus.value('max(outbox_queue_depth)')).toBe(0);
      expect((await fetch(`${url}/health`)).status).toBe(200);
    }, 300_000);
  });
});
