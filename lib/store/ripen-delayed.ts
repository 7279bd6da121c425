import type { DataSource } from 'typeorm';
import { lanesInTurn } from './lanes-in-turn';
import type { OutboxTables } from './outbox-tables';
import { PlannedStatement } from './planned-statement';

/**
 * Turns delayed events whose time has come into ordinary ones. They get the transaction of this statement, so that the fetch finds them as it finds
 * events of transactions that commit late, whatever the head has passed. Of a lane those that are due first come first, and of one time the first
 * added, so that a key's keep their order where they are too many for one statement. Harmless whoever runs it.
 */
export class RipenDelayed {
  private readonly statement: PlannedStatement;

  constructor(tables: OutboxTables, arePrepared: boolean) {
    const t = tables.event;
    this.statement = new PlannedStatement(
      'ripen',
      `update ${t.tableName} e
       set ${t.retryAt} = null, ${t.xid} = pg_current_xact_id()::text::bigint
       where e.${t.seq} = any (array (
           select e.seq
           from ${lanesInTurn('$1')}
           cross join lateral (
             select e.${t.seq} as seq from ${t.tableName} e
             where e.${t.lane} = mine.lane and e.${t.publishedAt} is null and e.${t.retryAt} <= clock_timestamp() and e.${t.attempts} = 0
             order by e.${t.lane}, e.${t.retryAt}, e.${t.seq}
             limit $2::int
           ) e
           limit $2::int
         ))
         and e.${t.publishedAt} is null and e.${t.attempts} = 0`,
      arePrepared,
    );
  }

  /** Returns how many became ordinary, at most `limit`. */
  async run(dataSource: DataSource, lanes: readonly number[], limit: number): Promise<number> {
    return (await this.statement.run(dataSource, [lanes, limit])).count;
  }
}
