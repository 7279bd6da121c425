import type { Settlement } from './history';
import type { Findings } from './verdict';

/**
 * An event is settled once, and by the owner of its lane. Each process is one owner for as long as it lives: which one, is what it was most often when it
 * settled.
 */
export function checkSettlements(settlements: readonly Settlement[], findings: Findings): void {
  const owners = ownersByProcess(settlements);
  const settled = new Map<string, Settlement>();
  for (const settlement of settlements) {
    const { id, by, laneOwner } = settlement;
    const before = settled.get(id);
    if (before !== undefined) {
      findings.add('settled by two', `${id} by ${before.by} and again by ${by}`);
    } else if (laneOwner === null || laneOwner !== owners.get(by)) {
      findings.add('settled by two', `${id} by ${by}, while its lane was owned by ${laneOwner ?? 'nobody'}`);
    }
    settled.set(id, settlement);
  }
}

function ownersByProcess(settlements: readonly Settlement[]): Map<string, string> {
  const counts = new Map<string, Map<string, number>>();
  for (const { by, laneOwner } of settlements) {
    if (laneOwner !== null) {
      const ofProcess = counts.get(by) ?? new Map<string, number>();
      ofProcess.set(laneOwner, (ofProcess.get(laneOwner) ?? 0) + 1);
      counts.set(by, ofProcess);
    }
  }
  // Two processes are never the same owner: the one that was it more often is it.
  const claims = [...counts]
    .flatMap(([by, ofProcess]) => [...ofProcess].map(([owner, count]) => ({ by, owner, count })))
    .sort((a, b) => b.count - a.count);
  const owners = new Map<string, string>();
  const taken = new Set<string>();
  for (const { by, owner } of claims) {
    if (!owners.has(by) && !taken.has(owner)) {
      owners.set(by, owner);
      taken.add(owner);
    }
  }
  return owners;
}
