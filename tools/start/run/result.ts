import type { Source } from '../../parts';
import { CUSTOMERS } from './order-plan';
import type { Tally } from './tally';

/** What `--json` prints, in this order. */
export interface RunResult extends Tally {
  readonly database: 'external' | 'docker' | 'embedded';
  readonly broker: 'kafka' | 'in-process';
  readonly committed: number;
  readonly rolledBack: number;
  readonly published: number;
  readonly seconds: number;
}

export function databaseName(source: Source): RunResult['database'] {
  return source === 'local' ? 'embedded' : source;
}

/** What is wrong with the result itself. Duplicates are not: delivery is at least once. */
export function resultFaults(
  { committed, rolledBack, published, lost, phantom, outOfOrder }: RunResult,
  orders: number,
): string[] {
  return [
    ...(committed + rolledBack === orders
      ? []
      : [`${orders} orders were placed, but ${committed + rolledBack} are accounted for`]),
    ...(published === committed
      ? []
      : [`${published} events are recorded as published, but ${committed} orders committed`]),
    ...(lost === 0 ? [] : [`${lost} committed events were never consumed`]),
    ...(phantom === 0 ? [] : [`${phantom} events were consumed that never committed`]),
    ...(outOfOrder === 0 ? [] : [`${outOfOrder} events came after a later one of their key`]),
  ];
}

export function asJson(result: RunResult): string {
  const {
    database,
    broker,
    committed,
    rolledBack,
    published,
    consumed,
    lost,
    phantom,
    outOfOrder,
    duplicates,
    seconds,
  } = result;
  return JSON.stringify({
    database,
    broker,
    committed,
    rolledBack,
    published,
    consumed,
    lost,
    phantom,
    outOfOrder,
    duplicates,
    seconds,
  });
}

export function asText(result: RunResult, orders: number, faults: readonly string[]): string {
  const customers = Math.min(CUSTOMERS, Math.ceil(orders / 4));
  const shown = faults.slice(0, 10).map((fault) => `  - ${fault}`);
  return [
    '',
    `${orders} orders of ${customers} customers, placed 8 at a time (database: ${result.database}, broker: ${result.broker})`,
    `  committed      ${result.committed}`,
    `  rolled back    ${result.rolledBack}  after adding their event`,
    `  published      ${result.published}`,
    `  consumed       ${result.consumed}`,
    `  lost           ${result.lost}`,
    `  phantom        ${result.phantom}`,
    `  out of order   ${result.outOfOrder}`,
    `  duplicates     ${result.duplicates}`,
    faults.length === 0 ? `All is well, after ${result.seconds} s.` : `Not well, after ${result.seconds} s:`,
    ...shown,
    ...(faults.length > shown.length ? [`  - and ${faults.length - shown.length} more`] : []),
  ].join('\n');
}
