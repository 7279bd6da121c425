import { blockedHead } from './drain/blocked-head';
import { drain } from './drain/drain';
import { hotKey } from './drain/hot-key';
import { metrics } from './drain/metrics';
import { twoRelays } from './drain/two-relays';
import { flat } from './flat/flat';
import { idle } from './idle/idle';
import { inbox } from './inbox/inbox';
import { latency } from './latency/latency';
import { memory } from './memory/memory';
import type { Measure } from './support/measure';
import { takeover } from './takeover/takeover';
import { writeCost } from './write/write-cost';

/** By the names that `--only` takes, in the order in which they run. */
export const measures = {
  drain,
  latency,
  hotKey,
  blockedHead,
  flat,
  memory,
  idle,
  takeover,
  write: writeCost,
  inbox,
  twoRelays,
  metrics,
} as const satisfies Readonly<Record<string, Measure>>;

export type MeasureName = keyof typeof measures;
