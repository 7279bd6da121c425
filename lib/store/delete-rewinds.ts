import type { DataSource } from 'typeorm';
import type { RewindRequest } from './fetch-pending';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';

/**
 * Deletes the requests that the owner of their lanes has met, by beginning these anew. Of a lane that it has lost none: its new owner may have
 * passed over what the request is about.
 */
export async function deleteRewinds(
  dataSource: DataSource,
  { lane: l, rewind: r }: OutboxTables,
  owner: string,
  requests: readonly RewindRequest[],
): Promise<void> {
  await runWithinLimit(
    dataSource,
    `delete from ${r.tableName} r using ${l.tableName} l
     where r.${r.id} = any ($2::bigint[]) and l.${l.lane} = r.${r.lane} and l.${l.owner} = $1`,
    [owner, requests.map(({ id }) => id)],
  );
}
