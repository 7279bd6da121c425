import type { Effect, History } from './history';
import type { Findings } from './verdict';

/**
 * However often an event is delivered, what consumers do for it is done once; and for the events of a key in the order in which they stand in the topic, as none is
 * ever given up.
 */
export function checkEffects({ records, effects }: Pick<History, 'records' | 'effects'>, findings: Findings): void {
  const done = effectsByEvent(effects);
  for (const [id, times] of done) {
    if (times.length > 1) {
      findings.add('inbox twice', `${id} by ${times.map(({ by }) => by).join(' and again by ')}`);
    }
  }
  const delivered = new Set<string>();
  /** Of each key and topic, what was done last. */
  const latest = new Map<string, Done>();
  for (const { id, topic, key } of records) {
    if (delivered.has(id)) {
      continue;
    }
    delivered.add(id);
    const [first] = done.get(id) ?? [];
    if (first === undefined) {
      findings.add('inbox lost', `${id} (key ${key}) was delivered to ${topic}, and nothing was done for it`);
      continue;
    }
    const ofKey = `${topic} ${key}`;
    const before = latest.get(ofKey);
    if (before !== undefined && first.place < before.place) {
      findings.add('inbox inversion', `${id} by ${first.by} before ${before.id} by ${before.by}, both of key ${key}`);
    } else {
      latest.set(ofKey, first);
    }
  }
}

interface Done extends Effect {
  /** Place among all. */
  readonly place: number;
}

function effectsByEvent(effects: readonly Effect[]): Map<string, Done[]> {
  const byEvent = new Map<string, Done[]>();
  effects.forEach((effect, place) => {
    const times = byEvent.get(effect.id) ?? [];
    times.push({ ...effect, place });
    byEvent.set(effect.id, times);
  });
  return byEvent;
}
