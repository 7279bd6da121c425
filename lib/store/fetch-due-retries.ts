import type { DataSource } from 'typeorm';
import { keyIsHeldByDeadLetter } from './held-key';
import { lanesInTurn } from './lanes-in-turn';
import type { OutboxTables } from './outbox-tables';
import { pendingColumns, toPendingEvent, type PendingEvent } from './pending-event';
import { PlannedStatement } from './planned-statement';

/** Fetches refused events of lanes whose retry is due, of each lane the longest due first. Each stands alone for its key, which it holds. */
export class FetchDueRetries {
  private readonly statement: PlannedStatement;

  constructor(tables: OutboxTables, arePrepared: boolean) {
    const t = tables.event;
    this.statement = new PlannedStatement(
      'retry',
      `with due as materialized (
         select e.seq, e.due
         from ${lanesInTurn('$1')}
         cross join lateral (
           select e.${t.seq} as seq, e.${t.retryAt} as due from ${t.tableName} e
           where e.${t.lane} = mine.lane and e.${t.publishedAt} is null and e.${t.retryAt} <= clock_timestamp() and e.${t.attempts} > 0
             and not ${keyIsHeldByDeadLetter(tables, 'e')}
           order by e.${t.lane}, e.${t.retryAt}
           limit $2::int
         ) e
         limit $2::int
       )
       select ${pendingColumns(t, 'e', 'e.data')}
       from (
         select e.*, sum(octet_length(e.data)) over (order by due.due, due.seq) as bytes_so_far
         from due
         cross join lateral (select e.*, e.${t.eventData}::text as data from ${t.tableName} e where e.${t.seq} = due.seq offset 0) e
       ) e
       where e.bytes_so_far <= $3::bigint or e.bytes_so_far = octet_length(e.data)
       order by e.${t.seq}`,
      arePrepared,
    );
  }

  async run(
    dataSource: DataSource,
    lanes: readonly number[],
    limit: number,
    maxBytes: number,
  ): Promise<readonly PendingEvent[]> {
    const { rows } = await this.statement.run(dataSource, [lanes, limit, maxBytes]);
    return rows.map(toPendingEvent);
  }
}
