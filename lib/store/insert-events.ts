import { QueryFailedError, type QueryRunner } from 'typeorm';
import { DEADLOCK_DETECTED } from '../errors/sql-state';
import { OutboxEventIdTakenError } from '../errors/event.errors';
import { OutboxDeadlockError } from '../errors/transaction.errors';
import type { WrittenTrace } from '../interfaces/written-trace';
import { bitsOfLanes, keyNumber, laneOfNumber } from './ordering-key';
import type { OutboxTables } from './outbox-tables';
import { prepared, runPrepared, type PreparedStatement } from './run-prepared';
import { runStatement } from './run-statement';

/** An event that is known to fit the table. */
export interface NewEvent {
  readonly id: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly eventType: string;
  readonly topic: string;
  readonly eventKey: string;
  /** JSON text. */
  readonly eventData: string;
  /** JSON text. */
  readonly headers: string | null;
  /** ISO 8601, in UTC. */
  readonly availableAt: string | null;
}

/** First half of the advisory locks' numbers: apart from any that the application takes. */
const LOCK_NAMESPACE = 0x6f757462; // "outb"

const UNIQUE_VIOLATION = '23505';

/**
 * The statement that adds events. It locks the ordering keys until the transaction ends, and draws `seq` only when it holds all locks. So of one
 * key the order of `seq` is the order of commits: whoever draws the next one waited for this transaction to end.
 */
export class InsertEvents {
  private readonly one: PreparedStatement;
  private readonly many: PreparedStatement;
  private readonly idColumn: string;

  constructor(
    { event: t }: OutboxTables,
    /** Whether the connections keep prepared statements. */
    private readonly arePrepared: boolean,
  ) {
    const identity = [t.xid, t.id, t.lane, t.aggregateType, t.aggregateId, t.eventType, t.topic, t.eventKey];
    const rest = [t.eventData, t.headers, t.availableAt, t.retryAt, t.traceparent, t.tracestate];
    const into = `${t.tableName} (${[...identity, ...rest].join(', ')})`;
    this.one = prepared(insertOne(into));
    this.many = prepared(insertMany(into));
    this.idColumn = t.id;
  }

  /** Adds events to the transaction of `runner`, in one statement; returns their lanes, as a bit for each. */
  async run(runner: QueryRunner, events: readonly NewEvent[], trace?: WrittenTrace): Promise<bigint> {
    const [only] = events;
    if (only === undefined) {
      return 0n;
    }
    const numbers = events.map((event) => keyNumber(event.eventKey));
    const lanes = numbers.map(laneOfNumber);
    const [statement, values] =
      events.length === 1
        ? [this.one, valuesOfOne(only, numbers, lanes)]
        : [this.many, valuesOfMany(events, numbers, lanes)];
    const all = [...values, trace?.traceparent ?? null, trace?.tracestate ?? null];
    try {
      await (this.arePrepared ? runPrepared(runner, statement, all) : runStatement(runner, statement.text, all));
    } catch (error) {
      throw explained(error, this.idColumn);
    }
    return bitsOfLanes(lanes);
  }
}

function insertOne(into: string): string {
  return `insert into ${into}
     select x::text::bigint, $2::uuid, $3::smallint, $4, $5, $6, $7, $8, $9::json, $10::json,
            $11::timestamptz, ${ifInFuture('$11::timestamptz')}, $12::varchar, $13::varchar
     from pg_current_xact_id() x, pg_advisory_xact_lock(${LOCK_NAMESPACE}, $1) l`;
}

function valuesOfOne(event: NewEvent, [number]: readonly number[], [lane]: readonly number[]): unknown[] {
  return [
    number,
    event.id,
    lane,
    event.aggregateType,
    event.aggregateId,
    event.eventType,
    event.topic,
    event.eventKey,
    event.eventData,
    event.headers,
    event.availableAt,
  ];
}

/**
 * The form of this statement matters. A function in an aggregate over unnest, cross joined, is evaluated before any row comes out
 * (0 inversions in 63,224 rows from 16 clients); a CTE is read lazily and let rows draw `seq` before the locks were held (754 in
 * 12,741). The locks are taken in the order of their numbers, so that two writers cannot wait for each other within a statement
 * (sorted by key: 256 deadlocks in 1,000, as two keys may share a number).
 */
function insertMany(into: string): string {
  return `insert into ${into}
     select x::text::bigint, e.id, e.lane, e.aggregate_type, e.aggregate_id, e.event_type, e.topic, e.event_key,
            e.event_data::json, e.headers::json, e.available_at, ${ifInFuture('e.available_at')},
            $12::varchar, $13::varchar
     from unnest($2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
                 $11::timestamptz[])
            with ordinality as e(id, lane, aggregate_type, aggregate_id, event_type, topic, event_key, event_data, headers, available_at,
                                 place)
     cross join (select count(pg_advisory_xact_lock(${LOCK_NAMESPACE}, number)) from unnest($1::int[]) as number) l
     cross join pg_current_xact_id() x
     order by e.place`;
}

function valuesOfMany(events: readonly NewEvent[], numbers: readonly number[], lanes: readonly number[]): unknown[] {
  return [
    [...new Set(numbers)].sort((a, b) => a - b),
    events.map((event) => event.id),
    lanes,
    events.map((event) => event.aggregateType),
    events.map((event) => event.aggregateId),
    events.map((event) => event.eventType),
    events.map((event) => event.topic),
    events.map((event) => event.eventKey),
    events.map((event) => event.eventData),
    events.map((event) => event.headers),
    events.map((event) => event.availableAt),
  ];
}

/** The event waits only if its time has not passed, by the clock that will say when it is due; else it is an ordinary one. */
function ifInFuture(availableAt: string): string {
  return `case when ${availableAt} > clock_timestamp() then ${availableAt} end`;
}

function explained(error: unknown, idColumn: string): unknown {
  if (!(error instanceof QueryFailedError)) {
    return error;
  }
  const { code, detail } = error.driverError as Error & { code?: string; detail?: string };
  if (code === DEADLOCK_DETECTED) {
    return new OutboxDeadlockError(detail?.split('\n').join(' ') ?? 'deadlock detected', error);
  }
  // The only unique column that the writer chooses is the id.
  return code === UNIQUE_VIOLATION ? new OutboxEventIdTakenError(detail ?? idColumn, error) : error;
}
