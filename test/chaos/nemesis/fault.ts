import { setTimeout as sleep } from 'node:timers/promises';
import type { Chance } from '../random';
import type { Stage } from '../stage/stage';

/** Something that goes wrong. When it resolves, it is over, and things go on by themselves; it returns to whom it happened. */
export interface Fault {
  readonly kind: string;
  /** Whether a delivery may be repeated because of it. */
  readonly repeats: boolean;
  /** Whether others may happen meanwhile. */
  readonly alongside?: boolean;
  /** Whether it can happen here; always, if not given. */
  readonly isPossible?: (stage: Stage) => boolean;
  readonly happen: (stage: Stage, chance: Chance) => Promise<string>;
}

export function seconds(from: number, to: number, chance: Chance): Promise<void> {
  return sleep(chance.between(from, to) * 1000);
}
