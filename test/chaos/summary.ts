import type { FaultSpan } from './checker/history';
import { violations, type Verdict } from './checker/verdict';

export interface Outcome {
  readonly seed: number;
  readonly seconds: number;
  readonly verdict: Verdict;
  readonly faults: readonly FaultSpan[];
  readonly crashes: readonly string[];
}

export function hasFailed({ verdict, crashes }: Outcome): boolean {
  return crashes.length > 0 || Object.values(verdict.counts).some((count) => count > 0);
}

/** For people. */
export function summary({ verdict, faults, crashes, seconds }: Outcome): string {
  const rows: [string, string | number][] = [
    ['events committed', `${String(verdict.committed)} (${(verdict.committed / seconds).toFixed(0)}/s)`],
    ['events rolled back', verdict.rolledBack],
    ['faults', faults.length],
    ...violations.map((violation): [string, number] => [violation, verdict.counts[violation]]),
    ['duplicates that a fault explains', verdict.duplicates - verdict.counts['unexplained duplicate']],
    ['dead letters', verdict.deadLetters],
    ['effects of consumers', verdict.effects],
    ['records that consumers read again', verdict.readAgain],
    ['processes that ended by themselves', crashes.length],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${String(value)}`);
  return [...lines, ...verdict.examples.map((example) => `  ${example}`), ...crashes].join('\n');
}

/** For programs. */
export function json({ seed, seconds, verdict, faults }: Outcome): string {
  const { committed, rolledBack, counts } = verdict;
  return JSON.stringify({
    seed,
    seconds,
    committed,
    rolledBack,
    faults: faults.length,
    lost: counts.lost,
    phantom: counts.phantom,
    inversions: counts.inversion,
    differing: counts.differing,
    unexplainedDuplicates: counts['unexplained duplicate'],
    inboxLost: counts['inbox lost'],
    inboxTwice: counts['inbox twice'],
  });
}
