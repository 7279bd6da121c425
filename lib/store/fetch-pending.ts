import type { DataSource } from 'typeorm';
import { heldKeys, keyIsHeld, keyIsHeldByDeadLetter } from './held-key';
import type { OutboxTables } from './outbox-tables';
import { PENDING_COLUMNS, pendingColumns, toPendingEvent, type PendingEvent } from './pending-event';
import { PlannedStatement } from './planned-statement';

/** A snapshot of PostgreSQL: which transactions it could not see. */
export interface Snapshot {
  /** The first transaction that had not begun. */
  readonly xmax: string;
  /** Those below that were running. */
  readonly running: readonly string[];
}

export interface PendingQuery {
  /** Each lane with its head: what lies at or below was looked at by the previous fetch. */
  readonly heads: ReadonlyMap<number, number>;
  /** The previous fetch's. */
  readonly snapshot: Snapshot;
  /** Whether events may have to be passed over: an event waits for its retry or its time, or a key is held. */
  readonly passOver: boolean;
  /** Whether to look for what waits as well. */
  readonly lookForWaiting: boolean;
  readonly perLane: number;
  readonly limit: number;
  /** Most bytes of payload; a first event that is larger comes alone. */
  readonly maxBytes: number;
}

export interface RewindRequest {
  readonly id: number;
  readonly lane: number;
}

/** What waits for its time, or for an operator. */
export interface Waiting {
  /** Seconds until the first event is due, 0 or less if it is already; null if none waits for a time. */
  readonly due: number | null;
  /** Whether a key may be held. */
  readonly held: boolean;
}

export interface FetchedBatch {
  /** Late ones first; of each key in the order of its commits. */
  readonly events: readonly PendingEvent[];
  readonly snapshot: Snapshot;
  /** How many were late: at or below the head, and not visible to the previous fetch. Not all need to have found room in the batch. */
  readonly lateFound: number;
  /** Whether so many events have come since the previous fetch that the look for late ones among them was broken off. */
  readonly lateUnknown: boolean;
  /** How many events above the head each lane had to offer, at most `perLane`; lanes without are missing. */
  readonly found: ReadonlyMap<number, number>;
  /** Where the walk of a lane has ended that had fewer than `perLane` to offer, as far as known. */
  readonly reached: ReadonlyMap<number, number>;
  /** Requests of operators who have let a held key go: their lanes gave nothing, and have to be begun anew. */
  readonly rewinds: readonly RewindRequest[];
  /** Only if it was looked for. */
  readonly waiting: Waiting | undefined;
}

/** Longest walk over events that are passed over, in one statement and lane. */
const LONGEST_WALK = 10_000;

/**
 * More events than this, or than four batches, are not searched for late ones: to begin the lanes anew costs no more than a fetch. Of a million in one
 * transaction each was looked at in vain, for 15 s, before the first was sent.
 */
const MOST_SEARCHED = 5000;

interface Book {
  readonly snapshot: string;
  readonly late: number;
  readonly lateUnknown: boolean;
  readonly found: readonly [number, number][] | null;
  readonly reached: readonly [number, number | null][] | null;
  readonly rewinds: readonly RewindRequest[] | null;
  readonly waiting: Waiting | null;
}

/**
 * Fetches the next pending events of lanes, at a cost that depends neither on the backlog nor on what is parked, published or held open.
 *
 * Each lane is walked from its head upwards. A transaction may have been open when the head passed over its events, and commit them later; the
 * key's next event can commit right after it. So before anything above the head come, of the same snapshot, the events at or below it that the previous
 * fetch's snapshot could not see: those of transactions that were running then, or that had not begun (both, as a running one may lie
 * above xmax). A look for them from time to time instead let 271 of 21,445 events overtake.
 */
export class FetchPending {
  private readonly straight: PlannedStatement;
  private readonly passingOver: PlannedStatement;

  constructor(tables: OutboxTables, arePrepared: boolean) {
    this.straight = new PlannedStatement('fetch', fetchStatement(tables, false), arePrepared);
    this.passingOver = new PlannedStatement('fetch', fetchStatement(tables, true), arePrepared);
  }

  async run(dataSource: DataSource, query: PendingQuery): Promise<FetchedBatch> {
    const statement = query.passOver ? this.passingOver : this.straight;
    const { rows } = await statement.run(dataSource, [
      [...query.heads.keys()],
      [...query.heads.values()],
      query.snapshot.running,
      query.snapshot.xmax,
      query.perLane,
      query.limit,
      query.maxBytes,
      query.lookForWaiting,
    ]);
    return toBatch(rows);
  }
}

function fetchStatement(tables: OutboxTables, passOver: boolean): string {
  const { event: t, rewind: r } = tables;
  const free = `${t.retryAt} is null${passOver ? ` and not (${keyIsHeld(tables, 'e')})` : ''}`;
  const candidate = `e.${t.seq} as seq, e.ctid as tuple, pg_column_size(e.${t.eventData}) + coalesce(pg_column_size(e.${t.headers}), 0) as stored`;
  // The order keeps the planner from any index but (lane, xid).
  const ofTransaction = `(
        select ${candidate}, e.${t.retryAt}, e.${t.eventKey} from ${t.tableName} e
        where e.${t.lane} = m.lane and e.${t.xid} >= r.first and e.${t.xid} < r.beyond and e.${t.publishedAt} is null
        order by e.${t.lane}, e.${t.xid}
      ) e`;
  const mostSearched = `greatest(${MOST_SEARCHED}, 4 * $6::int)`;
  // Not "lane = m.lane": the order would be that of seq alone, and of rows of one lane the planner would take the primary key, and read
  // all of it for each of the other lanes (a hot key drained at a quarter of the speed).
  const aboveHead = `select e.*, e.ctid from ${t.tableName} e
          where (e.${t.lane}, e.${t.seq}) > (m.lane, m.head) and e.${t.lane} <= m.lane and e.${t.publishedAt} is null
          order by e.${t.lane}, e.${t.seq}`;
  const reached = `select json_agg(json_build_array(m.lane, (select max(e.${t.seq}) from (${aboveHead} limit ${LONGEST_WALK}) e)))
          from mine m where not (m.lane = any (array (select lane from found where number = $5::int)))`;
  const rewinds = `select json_agg(json_build_object('id', r.${r.id}, 'lane', r.${r.lane}))
          from (select * from ${r.tableName} where ${r.lane} = any ($1::smallint[]) limit $6::int) r`;
  return `with ${passOver ? `${heldKeys(tables, '$1')}, ` : ''}mine as materialized (
      select m.lane, m.head
      from unnest($1::smallint[], $2::bigint[]) as m(lane, head)
      where m.lane <> all (array (select ${r.lane} from ${r.tableName}))
    ), ended as materialized (
      -- what is still running is not even looked at: PostgreSQL would visit each of its rows to find that it cannot be seen
      select r.xid as first, r.xid + 1 as beyond
      from unnest($3::bigint[]) as r(xid)
      where pg_visible_in_snapshot(r.xid::text::xid8, pg_current_snapshot())
      union all
      select * from (
        select coalesce(lag(r.xid) over (order by r.xid) + 1, $4::bigint) as first, r.xid as beyond
        from (
          select x::text::bigint as xid from pg_snapshot_xip(pg_current_snapshot()) x
          union all
          select pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        ) r
        where r.xid >= $4::bigint
      ) between_running
      where first < beyond
    ), unseen as materialized (
      select e.*, m.head from ended r cross join mine m cross join lateral ${ofTransaction}
      limit ${mostSearched} + 1
    ), late as materialized (
      select e.seq, e.tuple, e.stored from unseen e
      where e.seq <= e.head and e.${free}
      -- more than fit are not taken at all, see LaneCursors
      limit $6::int + 1
    ), walked as materialized (
      select w.seq, w.tuple, m.lane, w.stored
      from mine m
      cross join lateral (
        select ${candidate}
        from (${aboveHead} limit ${LONGEST_WALK}) e
        where e.${free}
        order by e.${t.lane}, e.${t.seq}
        limit $5::int
      ) w
    ), found as materialized (
      select lane, count(*)::int as number from walked group by lane
    ), chosen as (
      select c.seq, c.tuple, row_number() over w as place, sum(c.stored) over w - c.stored as stored_before
      from (select seq, tuple, stored, 0 as kind from late union all select seq, tuple, stored, 1 from walked) c
      window w as (order by c.kind, c.seq rows unbounded preceding)
      order by c.kind, c.seq
      limit $6::int
    )
    select ${'null, '.repeat(PENDING_COLUMNS + 1)} json_build_object(
        'snapshot', pg_current_snapshot()::text,
        'late', (select count(*) from late),
        'lateUnknown', (select count(*) > ${mostSearched} from unseen),
        'found', (select json_agg(json_build_array(lane, number)) from found),
        'reached', ${passOver ? `(${reached})` : 'null'},
        'rewinds', (${rewinds}),
        'waiting', case when $8::boolean then (${waiting(tables)}) end
      )::text
    union all
    select ${pendingColumns(t, 'e', 'e.data')}, e.place, null
    from (
      select c.place, e.*, sum(octet_length(e.data) + coalesce(octet_length(e.${t.headers}::text), 0)) over byPlace as bytes_so_far
      from chosen c
      -- By its ctid, at which this same snapshot has seen it (1.1 of 11 us an event); "offset 0" keeps it a look-up for each of them, in their order.
      cross join lateral (
        select e.*, e.${t.eventData}::text as data from ${t.tableName} e where e.ctid = c.tuple and e.${t.seq} = c.seq offset 0
      ) e
      -- by the stored size, which costs nothing to know: what lies beyond the batch is not even decompressed
      where c.stored_before < $7::bigint
      window byPlace as (order by c.place rows unbounded preceding)
    ) e
    where e.bytes_so_far <= $7::bigint or e.place = 1`;
}

/**
 * Of what waits for a time: seconds until the first is due (a refused event that waits for an operator as well has none); and whether a key
 * of the lanes is held. Of all lanes, also of those that give nothing this time: "nothing is held" is believed of all of them.
 */
function waiting(tables: OutboxTables): string {
  const { event: t, deadLetter: d } = tables;
  const first = (which: string): string => `(
              select e.${t.retryAt} as due from ${t.tableName} e
              where e.${t.lane} = m.lane and e.${t.publishedAt} is null and ${which} order by e.${t.lane}, e.${t.retryAt} limit 1
            )`;
  return `select json_build_object(
            'due', min(extract(epoch from e.due - clock_timestamp())),
            'held', count(e.due) > 0 or exists (select from ${d.tableName} d where d.${d.holdsKey} and d.${d.lane} = any ($1::smallint[])))
          from unnest($1::smallint[]) as m(lane)
          cross join lateral (
            ${first(`e.${t.retryAt} is not null and e.${t.attempts} = 0`)}
            union all
            ${first(`e.${t.attempts} > 0 and not ${keyIsHeldByDeadLetter(tables, 'e')}`)}
          ) e`;
}

function toBatch(rows: readonly (readonly (string | null)[])[]): FetchedBatch {
  let book: Book | undefined;
  // No order is promised of a "union all", and to sort wide rows costs PostgreSQL more.
  const events = new Array<PendingEvent>(rows.length - 1);
  for (const row of rows) {
    const place = row[PENDING_COLUMNS] ?? null;
    if (place === null) {
      book = JSON.parse(row[PENDING_COLUMNS + 1] ?? '{}') as Book;
    } else {
      events[Number(place) - 1] = toPendingEvent(row);
    }
  }
  const { snapshot, late, lateUnknown, found, reached, rewinds, waiting } = book as Book;
  const [, xmax = '0', running = ''] = snapshot.split(':');
  return {
    events,
    snapshot: { xmax, running: running === '' ? [] : running.split(',') },
    lateFound: late,
    lateUnknown,
    found: new Map(found),
    reached: new Map((reached ?? []).flatMap(([lane, seq]) => (seq === null ? [] : [[lane, seq] as const]))),
    rewinds: rewinds ?? [],
    waiting: waiting ?? undefined,
  };
}
