import type { KafkaPart } from '../../tools/parts';
import type { Scope } from './scope';
import type { Summary } from './statistics';
import type { Topics } from './topics';

/** What a measure works with. */
export interface Bench {
  /** Whether to print the same figures from smaller work. */
  readonly quick: boolean;
  /** A server; each measure makes databases of its own. */
  readonly server: string;
  readonly brokers: KafkaPart['brokers'];
  readonly topics: Topics;
  /** Ends what the measure starts. */
  readonly scope: Scope;
  readonly log: (line: string) => void;
}

/** A line of the table. */
export interface Figure {
  readonly what: string;
  readonly summary: Summary;
  readonly digits: number;
  readonly unit?: string;
  /** What it was made from, such as the rates behind a ratio. */
  readonly from: string;
}

export interface Measured {
  readonly figures: readonly Figure[];
  /** Its part of the JSON line. */
  readonly json: Readonly<Record<string, unknown>>;
}

export type Measure = (bench: Bench) => Promise<Measured>;

/** As the JSON line has it. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
