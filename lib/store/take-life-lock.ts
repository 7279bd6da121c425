import { randomInt } from 'node:crypto';
import type { QueryRunner } from 'typeorm';
import { LIFE_LOCKS } from './living-relays';
import { runStatement } from './run-statement';

/** Takes a session lock that nobody holds, on a runner's connection, and returns its number. */
export async function takeLifeLock(runner: QueryRunner): Promise<number> {
  for (;;) {
    const number = randomInt(1, 2 ** 31);
    const { rows } = await runStatement<{ locked: string }>(
      runner,
      'select pg_try_advisory_lock($1::integer, $2::integer)::text as locked',
      [LIFE_LOCKS, number],
    );
    if (rows[0]?.locked === 'true') {
      return number;
    }
  }
}
