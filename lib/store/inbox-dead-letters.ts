import type { DataSource, QueryRunner } from 'typeorm';
import type { InboxDeadLetter, InboxDeadLetterPage } from '../interfaces/inbox-dead-letter';
import type { OutboxTables } from './outbox-tables';
import { runStatement } from './run-statement';

export interface InboxDeadLetterSearch {
  /** The position to begin behind. */
  readonly after: string;
  readonly limit: number;
  readonly consumer: string | null;
}

/** Most bytes of values on a page; a first one that is larger comes alone. */
const MOST_BYTES = 8_388_608;

/** As text throughout: an application may have changed node-postgres' parsers for all of its process. */
type Row = { readonly [Property in keyof InboxDeadLetter]: string } & {
  readonly key: string | null;
  readonly value: string | null;
};

function columns({ inboxDeadLetter: d }: OutboxTables): string {
  return `d.${d.seq}::text as seq, d.${d.consumer}::text as consumer, d.${d.messageId}::text as "messageId",
            d.${d.replayId}::text as "replayId", d.${d.topic}::text as topic, d.${d.topicPartition}::text as partition,
            d.${d.topicOffset}::text as "offset", encode(d.${d.messageKey}, 'base64') as key,
            encode(d.${d.messageValue}, 'base64') as value, d.${d.headers}::text as headers, d.${d.attempts}::text as attempts,
            d.${d.reason}::text as reason, to_char(d.${d.diedAt} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "diedAt"`;
}

/** Takes the columns one by one, as a row may have more of them. */
function toInboxDeadLetter(row: Row): InboxDeadLetter {
  return {
    seq: row.seq,
    consumer: row.consumer,
    messageId: row.messageId,
    replayId: row.replayId,
    topic: row.topic,
    partition: Number(row.partition),
    offset: row.offset,
    key: row.key === null ? null : Buffer.from(row.key, 'base64'),
    value: row.value === null ? null : Buffer.from(row.value, 'base64'),
    headers: JSON.parse(row.headers) as Record<string, string>,
    attempts: Number(row.attempts),
    reason: row.reason,
    diedAt: new Date(row.diedAt),
  };
}

/** What was looked at, on each row; and the columns of a dead letter, which are null where none fits. */
type LookedAtRow = { readonly looked: string; readonly last: string | null; readonly fitting: string } & (
  Row | { readonly seq: null }
);

/** Most dead letters that a page of one consumer looks at: there is no index for it, as writing it would cost more than looking. */
const MOST_LOOKED_AT = 10_000;

/** A page of dead letters. It walks the primary key from `after` on, so that it costs the same wherever it begins. */
export async function findInboxDeadLetters(
  dataSource: DataSource,
  tables: OutboxTables,
  { after, limit, consumer }: InboxDeadLetterSearch,
): Promise<InboxDeadLetterPage> {
  const d = tables.inboxDeadLetter;
  // Without a filter each fits, and one more than the page takes shows whether there is another page.
  const mostLookedAt = consumer === null ? limit + 1 : MOST_LOOKED_AT;
  const { rows } = await runStatement<LookedAtRow>(
    dataSource,
    `with looked_at as materialized (
       select d.${d.seq} as seq, coalesce(octet_length(d.${d.messageValue}), 0) as bytes,
              $3::text is null or d.${d.consumer} = $3 as fits
       from ${d.tableName} d
       where d.${d.seq} > $1::bigint
       order by d.${d.seq}
       limit $2::int
     ), page as (
       select l.seq, row_number() over (order by l.seq) as place, sum(l.bytes) over (order by l.seq) as bytes_so_far
       from looked_at l
       where l.fits
     )
     select total.*, letters.*
     from (
       select count(*)::text as looked, max(l.seq)::text as last, (count(*) filter (where l.fits))::text as fitting from looked_at l
     ) total
     left join (
       select ${columns(tables)}, p.place
       from page p
       join ${d.tableName} d on d.${d.seq} = p.seq
       where p.place <= $4::int and (p.bytes_so_far <= $5::int or p.place = 1)
     ) letters on true
     order by letters.place`,
    [after, mostLookedAt, consumer, limit, MOST_BYTES],
  );
  const deadLetters = rows.flatMap((row) => (row.seq === null ? [] : [toInboxDeadLetter(row)]));
  const [total] = rows;
  if (Number(total?.fitting ?? 0) > deadLetters.length) {
    return { deadLetters, next: deadLetters.at(-1)?.seq ?? null };
  }
  return { deadLetters, next: Number(total?.looked ?? 0) === mostLookedAt ? (total?.last ?? null) : null };
}

/** Deletes a dead letter, and returns what it was; null if there is none. Whoever deletes it at the same time is waited for. */
export async function takeInboxDeadLetter(
  target: DataSource | QueryRunner,
  tables: OutboxTables,
  seq: string,
): Promise<InboxDeadLetter | null> {
  const d = tables.inboxDeadLetter;
  const { rows } = await runStatement<Row>(
    target,
    `delete from ${d.tableName} d where d.${d.seq} = $1::bigint returning ${columns(tables)}`,
    [seq],
  );
  const [row] = rows;
  return row === undefined ? null : toInboxDeadLetter(row);
}
