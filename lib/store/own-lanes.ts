import type { OutboxTables } from './outbox-tables';

/**
 * The start of a statement that changes the leases of an owner: `mine` are its lanes, locked in the order of lanes, as everywhere, so that
 * renewing and taking cannot wait for each other. A lane that was given back is nobody's. Takes the parameter $1 (owner).
 */
export function ownLanes(tables: OutboxTables): string {
  const l = tables.lane;
  return `mine as materialized (
       select ${l.lane} as lane from ${l.tableName} where ${l.owner} = $1::uuid and ${l.expiresAt} > '-infinity'
       order by ${l.lane}
       for update
     )`;
}
