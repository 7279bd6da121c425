/** The checker: decides from the history of a run whether a promise was broken. Imports nothing of the product. */
import { committedEvents, type CommittedEvent } from './committed-events';
import { Deliveries, place } from './deliveries';
import { checkEffects } from './effects';
import type { History } from './history';
import { checkSettlements } from './settled';
import { Findings, type Verdict } from './verdict';

/** @param takeoverMs how long after a fault what was not recorded may be delivered again */
export function check(history: History, takeoverMs: number): Verdict {
  const findings = new Findings();
  const committed = committedEvents(history);
  const deliveries = new Deliveries(committed, history.faults, takeoverMs, findings);
  for (const record of history.records) {
    deliveries.add(record);
  }
  checkOutcomes(history, findings);
  checkDeadLetters(history, committed, findings);
  checkCompleteness(history, committed, deliveries, findings);
  const readAgain = checkConsumers(history, findings);
  checkEffects(history, findings);
  checkSettlements(history.settlements, findings);
  return {
    committed: committed.size,
    rolledBack: history.transactions.reduce(
      (sum, { committedAt, events, undone }) => sum + undone + (committedAt === null ? events.length : 0),
      0,
    ),
    duplicates: deliveries.duplicates,
    deadLetters: history.deadLetters.length,
    effects: history.effects.length,
    readAgain,
    counts: findings.counts,
    examples: findings.examples,
  };
}

function checkOutcomes({ transactions }: History, findings: Findings): void {
  for (const { name, committedAt, told } of transactions) {
    const is = committedAt === null ? 'rolled back' : 'committed';
    if (told !== undefined && told !== is) {
      findings.add('told wrongly', `the writer of ${name} was told that it ${told}, and it ${is}`);
    }
  }
}

function checkDeadLetters(
  { deadLetters }: History,
  committed: ReadonlyMap<string, CommittedEvent>,
  findings: Findings,
): void {
  for (const { id, reason } of deadLetters) {
    const event = committed.get(id);
    if (event === undefined) {
      findings.add('phantom', `the dead letter ${id} never committed`);
    } else if (!event.poison) {
      findings.add('dead without a cause', `${id}: ${reason}`);
    }
  }
}

function checkCompleteness(
  { deadLetters, pending }: History,
  committed: ReadonlyMap<string, CommittedEvent>,
  deliveries: Deliveries,
  findings: Findings,
): void {
  const dead = new Set(deadLetters.map(({ id }) => id));
  const waiting = new Set(pending);
  for (const { id, key, transaction } of committed.values()) {
    if (!deliveries.has(id) && !dead.has(id)) {
      const where = waiting.has(id) ? 'still pending' : 'neither delivered nor pending nor a dead letter';
      findings.add('lost', `${id} (key ${key}, ${transaction.name}) is ${where}`);
    }
  }
  for (const id of waiting) {
    if (!committed.has(id)) {
      findings.add('phantom', `${id} is pending and never committed`);
    }
  }
}

/** @returns how many of the reads were not the first of their record */
function checkConsumers({ consumed, records }: History, findings: Findings): number {
  const read = new Set<string>();
  let reads = 0;
  for (const record of consumed) {
    read.add(place(record));
    reads++;
  }
  for (const record of records) {
    if (!read.has(place(record))) {
      findings.add('lost', `${record.id} stands in ${place(record)}, and no consumer has read it`);
    }
  }
  return reads - read.size;
}
