import { hash } from 'node:crypto';

/** Number of lanes. Part of the schema: rows already stored carry their lane. */
export const LANES = 64;

/**
 * The number under which the ordering key is locked while an event of it is being added: the first four bytes of SHA-256 of the
 * key in UTF-8, as a signed 32-bit integer. Two writers that disagreed on it would not order their events, so it is the same for
 * ever. Keys that share a number merely wait for each other.
 */
export function keyNumber(orderingKey: string): number {
  return hash('sha256', orderingKey, 'buffer').readInt32BE(0);
}

/** The lane of an ordering key, from 0 to 63. */
export function laneOf(orderingKey: string): number {
  return laneOfNumber(keyNumber(orderingKey));
}

const BITS = Array.from({ length: LANES }, (_, lane) => 1n << BigInt(lane));

/** Lanes as a number with a bit for each. */
export function bitsOfLanes(lanes: readonly number[]): bigint {
  return lanes.reduce((bits, lane) => bits | (BITS[lane] as bigint), 0n);
}

/** The lane of a key whose number is known. */
export function laneOfNumber(number: number): number {
  return number & (LANES - 1);
}
