import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { History } from '../checker/history';

const LISTS = [
  'transactions',
  'records',
  'consumed',
  'effects',
  'settlements',
  'deadLetters',
  'pending',
  'faults',
] as const;
const LINES_AT_ONCE = 10_000;

/** Writes what the checker was given, a file for each list, a line for each entry. */
export function keepHistory(folder: string, history: History): void {
  for (const name of LISTS) {
    const file = join(folder, `${name}.jsonl`);
    writeFileSync(file, '');
    let lines: string[] = [];
    const flush = (): void => {
      writeFileSync(file, lines.join(''), { flag: 'a' });
      lines = [];
    };
    for (const entry of history[name] as Iterable<unknown>) {
      if (lines.push(`${JSON.stringify(entry)}\n`) === LINES_AT_ONCE) {
        flush();
      }
    }
    flush();
  }
}

export function loadHistory(folder: string): History {
  return Object.fromEntries(
    LISTS.map((name) => {
      const lines = readFileSync(join(folder, `${name}.jsonl`), 'utf8')
        .split('\n')
        .slice(0, -1);
      return [name, lines.map((line) => JSON.parse(line) as unknown)];
    }),
  ) as unknown as History;
}
