import type { OutboxEvent } from 'nestjs-outboxed';
import { laneOf } from '../../../lib/store/ordering-key';
import { eventually } from './eventually';
import { anEvent, type OutboxApp } from './outbox-app';

const AT_ONCE = 2000;

/** Adds events in transactions of some thousand each, and returns their ids. */
export async function addAll(app: OutboxApp, events: readonly Partial<OutboxEvent>[]): Promise<string[]> {
  const ids: string[] = [];
  for (let from = 0; from < events.length; from += AT_ONCE) {
    const some = events.slice(from, from + AT_ONCE).map((event) => anEvent(event));
    ids.push(...(await app.dataSource.transaction(() => app.outbox.addEvents(some))));
  }
  return ids;
}

/** Adds `count` events of one key. */
export function addOfKey(
  app: OutboxApp,
  eventKey: string,
  count: number,
  event: Partial<OutboxEvent> = {},
): Promise<string[]> {
  return addAll(
    app,
    Array.from({ length: count }, (_, n) => ({ eventKey, eventData: { n }, ...event })),
  );
}

/** `count` different keys that lie in the lane of `key`, or in any other. */
export function keysBeside(key: string, count: number, where: 'in its lane' | 'in other lanes'): string[] {
  const keys: string[] = [];
  for (let n = 0; keys.length < count; n++) {
    const candidate = `beside-${key}-${n}`;
    if ((laneOf(candidate) === laneOf(key)) === (where === 'in its lane')) {
      keys.push(candidate);
    }
  }
  return keys;
}

/** Waits until nothing is pending any more. */
export async function allSettled(app: OutboxApp, seconds = 60): Promise<void> {
  await eventually('everything to be settled', async () => (await app.outbox.stats()).pending === 0, { seconds });
}
