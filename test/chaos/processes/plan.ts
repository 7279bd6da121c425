import type { Chance } from '../random';
import { LARGE_BYTES, TOO_LARGE_BYTES, TOPICS, UNKNOWN_TOPIC } from '../topics';

/** An event that a writer means to add. */
export interface PlannedEvent {
  readonly key: string;
  readonly topic: string;
  /** Seconds that it is not to be delivered; 0: at once. */
  readonly delay: number;
  readonly fillerBytes: number;
  readonly poison: boolean;
}

/** Part of a transaction: one call of addEvents, perhaps in a savepoint. */
export interface PlannedStep {
  readonly events: readonly PlannedEvent[];
  readonly savepoint: 'none' | 'kept' | 'rolled back';
}

export interface PlannedTransaction {
  /** Seconds that it is open before it adds anything: its id is older than those of transactions that commit meanwhile. */
  readonly openBefore: number;
  readonly steps: readonly PlannedStep[];
  /** Seconds that it is open with its keys locked. */
  readonly openAfter: number;
  readonly rollsBack: boolean;
  readonly isolation: 'READ COMMITTED' | 'REPEATABLE READ';
}

const HOT_KEYS = 4;
const KEYS = 400;

export function planTransaction(chance: Chance): PlannedTransaction {
  const many = chance.oneIn(40);
  const steps = Array.from({ length: chance.oneIn(8) ? 1 + chance.below(3) : 1 }, (): PlannedStep => {
    const savepoint = chance.oneIn(6) ? (chance.oneIn(2) ? 'kept' : 'rolled back') : 'none';
    return { events: planEvents(chance, many ? 30 + chance.below(120) : 1 + chance.below(5)), savepoint };
  });
  const isSlow = chance.oneIn(40);
  const addsLast = isSlow && chance.oneIn(2);
  return {
    openBefore: addsLast ? chance.between(1, 4) : 0,
    steps,
    openAfter: isSlow && !addsLast ? chance.between(0.5, 2.5) : chance.oneIn(5) ? chance.between(0, 0.05) : 0,
    rollsBack: chance.oneIn(12),
    isolation: chance.oneIn(15) ? 'REPEATABLE READ' : 'READ COMMITTED',
  };
}

function planEvents(chance: Chance, count: number): PlannedEvent[] {
  const hot = chance.oneIn(4);
  return Array.from({ length: count }, (): PlannedEvent => {
    const number = hot ? chance.below(HOT_KEYS) : chance.below(KEYS);
    const key = `${hot ? 'hot' : 'key'}-${String(number)}`;
    const topic = chance.oneIn(20) ? chance.pick(TOPICS) : (TOPICS[number % TOPICS.length] ?? TOPICS[0]);
    const ordinary = { key, topic, delay: 0, fillerBytes: chance.below(300), poison: false };
    if (chance.oneIn(1500)) {
      return chance.oneIn(2)
        ? { ...ordinary, poison: true, topic: UNKNOWN_TOPIC }
        : { ...ordinary, poison: true, fillerBytes: TOO_LARGE_BYTES };
    }
    if (chance.oneIn(40)) {
      return { ...ordinary, delay: chance.between(0.2, 4) };
    }
    return chance.oneIn(60) ? { ...ordinary, fillerBytes: LARGE_BYTES } : ordinary;
  });
}

export function eventsOf({ steps }: PlannedTransaction): number {
  return steps.reduce((sum, { events }) => sum + events.length, 0);
}
