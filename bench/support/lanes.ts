import { createHash } from 'node:crypto';

export const LANES = 64;

/** A row needs its lane, whoever writes it: the first four bytes of the key's SHA-256, of which the lowest six bits count. */
export function laneOf(key: string): number {
  return createHash('sha256').update(key).digest().readInt32BE(0) & (LANES - 1);
}

/** One key for each lane, in the order of the lanes. */
export function keyOfEachLane(): readonly string[] {
  const keys = new Map<number, string>();
  for (let n = 0; keys.size < LANES; n++) {
    const key = `lane-key-${String(n)}`;
    keys.set(laneOf(key), keys.get(laneOf(key)) ?? key);
  }
  return Array.from({ length: LANES }, (_, lane) => keys.get(lane) ?? '');
}
