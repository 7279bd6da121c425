import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../../tools/parts/service/free-ports';
import type { Prometheus } from '../../../tools/prometheus/find-prometheus';
import { endedAtLast } from './cleanup';
import { eventually } from './eventually';

const found = process.env['OUTBOX_TEST_PROMETHEUS'];

/** `describe`, skipped where no Prometheus could be had (global-setup.ts has said so). */
export const describeWithPrometheus = found === undefined ? describe.skip : describe;

export const prometheusPrograms = (): Prometheus => JSON.parse(found ?? '{}') as Prometheus;

export interface Alert {
  readonly name: string;
  readonly state: 'pending' | 'firing';
  readonly labels: Readonly<Record<string, string>>;
}

export interface RunningPrometheus {
  /** The alerts that are not inactive. */
  alerts(): Promise<Alert[]>;
  /** The value of an expression that has one. */
  value(expression: string): Promise<number | undefined>;
  stop(): Promise<void>;
}

/** A Prometheus server that asks one target every second, and looks at the rules as often. */
export async function startPrometheus(target: string, rules: string): Promise<RunningPrometheus> {
  const directory = await mkdtemp(join(tmpdir(), 'outbox-prometheus-'));
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['rules.yml'],
    scrape_configs: [{ job_name: 'shop', static_configs: [{ targets: [target] }] }],
  };
  await writeFile(join(directory, 'rules.yml'), rules);
  // JSON is YAML.
  await writeFile(join(directory, 'prometheus.yml'), JSON.stringify(config));
  const [port] = await freePorts(1);
  const options = [
    `--config.file=${join(directory, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=127.0.0.1:${String(port)}`,
  ];
  const child = spawn(prometheusPrograms().prometheus, options, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'close');
  const stop = endedAtLast(async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(directory, { recursive: true, force: true });
  });
  const get = async (path: string): Promise<unknown> =>
    ((await (await fetch(`http://127.0.0.1:${String(port)}${path}`)).json()) as { data: unknown }).data;
  await eventually('Prometheus', async () => {
    if (child.exitCode !== null) {
      throw new Error(`Prometheus has ended: ${said}`);
    }
    return (await fetch(`http://127.0.0.1:${String(port)}/-/ready`)).ok;
  });
  return {
    alerts: async () => {
      const data = (await get('/api/v1/alerts')) as {
        alerts: { labels: Record<string, string>; state: Alert['state'] }[];
      };
      return data.alerts.map(({ labels, state }) => ({ name: labels['alertname'] ?? '', state, labels }));
    },
    value: async (expression) => {
      const data = (await get(`/api/v1/query?query=${encodeURIComponent(expression)}`)) as {
        result: { value: [number, string] }[];
      };
      return data.result[0] === undefined ? undefined : Number(data.result[0].value[1]);
    },
    stop,
  };
}
