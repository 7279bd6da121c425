import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../support/database';
import { keyOfEachLane } from '../support/lanes';
import { rounded, type Bench, type Figure, type Measured } from '../support/measure';
import { startRelay, type Relay } from '../support/relay';
import { summary } from '../support/statistics';
import { Records } from './records';
import { startWriter, type Write } from './writer';

/** The default. */
const LEASE_SECONDS = 20;
const SHARED_WITHIN_MS = 10_000;
const PROBED_LANES = 4;
const PROBE_EVERY_MS = 20;

interface Named {
  readonly source: string;
  readonly relay: Relay;
}

/** Of two relay processes one goes: seconds until events of its lanes are delivered again, by the other. */
export async function takeover(bench: Bench): Promise<Measured> {
  const rounds = bench.quick ? 1 : 5;
  const stage = await Stage.set(bench);
  const stops: number[] = [];
  const kills: number[] = [];
  for (let round = 0; round < rounds; round++) {
    stops.push(await stage.seconds('SIGTERM'));
    kills.push(await stage.seconds('SIGKILL'));
    bench.log(
      `round ${String(round + 1)} of ${String(rounds)}: stopped ${stops.at(-1)?.toFixed(3) ?? ''} s, killed ${kills.at(-1)?.toFixed(3) ?? ''} s`,
    );
  }
  const from = `lease of ${String(LEASE_SECONDS)} s`;
  const figure = (what: string, seconds: number[]): Figure => ({
    what,
    summary: summary(seconds),
    digits: 3,
    unit: 's',
    from,
  });
  const killed = figure('takeover after kill -9', kills);
  const stopped = figure('takeover after SIGTERM', stops);
  return {
    figures: [killed, stopped],
    json: {
      takeover: {
        killSeconds: rounded(killed.summary.median),
        stopSeconds: rounded(stopped.summary.median),
        leaseSeconds: LEASE_SECONDS,
      },
    },
  };
}

class Stage {
  private readonly keys = keyOfEachLane();
  private relays: readonly Named[] = [];
  private started = 0;

  private constructor(
    private readonly bench: Bench,
    private readonly database: Database,
    private readonly records: Records,
    private readonly write: Write,
  ) {}

  static async set(bench: Bench): Promise<Stage> {
    const database = await Database.create(bench);
    const topic = await bench.topics.create(bench.scope);
    const records = await Records.open(bench, topic);
    return new Stage(bench, database, records, await startWriter(bench, database, topic));
  }

  /** Two relays run and share, if they do; the one with more lanes gets the signal. */
  async seconds(signal: 'SIGKILL' | 'SIGTERM'): Promise<number> {
    while (this.relays.length < 2) {
      this.relays = [...this.relays, await this.startRelay()];
    }
    const owners = await this.untilShared();
    const [first, second] = this.relays.map((named) => ({ ...named, keys: keysOf(named.source, owners) }));
    if (first === undefined || second === undefined) {
      throw new Error('unreachable: two were started');
    }
    const [victim, heir] = first.keys.length >= second.keys.length ? [first, second] : [second, first];
    const waiting = new Set(victim.keys.slice(0, PROBED_LANES));
    const keys = [...waiting];

    const began = performance.now();
    let seen = this.records.arrived.length;
    let last = began;
    victim.relay.signal(signal);
    // Again and again, as what the first adds may still be delivered by the one that is about to end.
    for (let probed = -Infinity; waiting.size > 0;) {
      if (performance.now() - probed >= PROBE_EVERY_MS) {
        probed = performance.now();
        await this.write(keys);
      }
      await sleep(1);
      for (const { key, source, at } of this.records.arrived.slice(seen)) {
        seen++;
        if (source === heir.source && waiting.delete(key)) {
          last = at;
        }
      }
      if (performance.now() - began > (LEASE_SECONDS + 30) * 1000) {
        throw new Error(`After ${signal} nobody has taken over`);
      }
    }
    await victim.relay.stop();
    this.relays = this.relays.filter(({ source }) => source !== victim.source);
    return (last - began) / 1000;
  }

  private async startRelay(): Promise<Named> {
    const source = `/relay-${String(++this.started)}`;
    return { source, relay: await startRelay(this.bench, this.database, { source, leaseSeconds: LEASE_SECONDS }) };
  }

  /** By key, who delivers its lane: found out at the consumer. */
  private async owners(): Promise<ReadonlyMap<string, string>> {
    const ids = new Set(await this.write(this.keys));
    const own = (): ReadonlyMap<string, string> =>
      new Map(this.records.arrived.filter(({ id }) => ids.has(id)).map(({ key, source }) => [key, source]));
    await this.records.until('an event of each lane', LEASE_SECONDS + 30, () => own().size === ids.size);
    return own();
  }

  private async untilShared(): Promise<ReadonlyMap<string, string>> {
    const deadline = performance.now() + SHARED_WITHIN_MS;
    for (;;) {
      const owners = await this.owners();
      if (new Set(owners.values()).size === 2 || performance.now() > deadline) {
        return owners;
      }
      await sleep(200);
    }
  }
}

function keysOf(source: string, owners: ReadonlyMap<string, string>): string[] {
  return [...owners].filter(([, owner]) => owner === source).map(([key]) => key);
}
