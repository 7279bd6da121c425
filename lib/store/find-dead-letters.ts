import type { DataSource } from 'typeorm';
import type { DeadLetterPage } from '../interfaces/dead-letter';
import { deadLetterColumns, toDeadLetter, type DeadLetterRow } from './dead-letter-row';
import type { OutboxTables } from './outbox-tables';
import { runStatement } from './run-statement';

export interface DeadLetterSearch {
  /** The position to begin behind. */
  readonly after: string;
  readonly limit: number;
  readonly topic: string | null;
  readonly eventKey: string | null;
  readonly eventType: string | null;
}

/** Most dead letters that one page looks at to find those that fit: there is no index for filters, as writing it would cost more than looking. */
const MOST_LOOKED_AT = 10_000;

/** Most bytes of data and headers on a page; a first one that is larger comes alone. */
const MOST_BYTES = 8_388_608;

/** What was looked at, on each row; and the columns of a dead letter, which are null where none fits. */
type Row = { readonly looked: string; readonly last: string | null; readonly fitting: string } & (
  DeadLetterRow | { readonly seq: null }
);

/** A page of dead letters. It walks the primary key from `after` on, so that it costs the same wherever it begins. */
export async function findDeadLetters(
  dataSource: DataSource,
  tables: OutboxTables,
  { after, limit, topic, eventKey, eventType }: DeadLetterSearch,
): Promise<DeadLetterPage> {
  const d = tables.deadLetter;
  const filtered = topic !== null || eventKey !== null || eventType !== null;
  // Without a filter each fits, and one more than the page takes shows whether there is another page.
  const mostLookedAt = filtered ? MOST_LOOKED_AT : limit + 1;
  const { rows } = await runStatement<Row>(
    dataSource,
    `with looked_at as materialized (
       select d.${d.seq} as seq, pg_column_size(d.${d.eventData}) + coalesce(pg_column_size(d.${d.headers}), 0) as stored,
              ($3::text is null or d.${d.topic} = $3) and ($4::text is null or d.${d.eventKey} = $4)
                and ($5::text is null or d.${d.eventType} = $5) as fits
       from ${d.tableName} d
       where d.${d.seq} > $1::bigint
       order by d.${d.seq}
       limit $2::int
     ), fitting as (
       select l.seq, row_number() over (order by l.seq) as place, sum(l.stored) over (order by l.seq) - l.stored as stored_before
       from looked_at l
       where l.fits
     ), page as (
       select f.seq, f.place,
              sum(octet_length(d.${d.eventData}::text) + coalesce(octet_length(d.${d.headers}::text), 0)) over (order by f.place) as bytes_so_far
       from fitting f
       join ${d.tableName} d on d.${d.seq} = f.seq
       -- by the stored size, which costs nothing to know: what lies beyond the page is not even decompressed
       where f.place <= $6::int and f.stored_before < $7::int
     )
     select total.*, page.*
     from (
       select count(*)::text as looked, max(l.seq)::text as last, (count(*) filter (where l.fits))::text as fitting from looked_at l
     ) total
     left join (
       select ${deadLetterColumns(tables)}, p.place
       from page p
       join ${d.tableName} d on d.${d.seq} = p.seq
       where p.bytes_so_far <= $7::int or p.place = 1
     ) page on true
     order by page.place`,
    [after, mostLookedAt, topic, eventKey, eventType, limit, MOST_BYTES],
  );
  const deadLetters = rows.flatMap((row) => (row.seq === null ? [] : [toDeadLetter(row)]));
  const [total] = rows;
  if (Number(total?.fitting ?? 0) > deadLetters.length) {
    return { deadLetters, next: deadLetters.at(-1)?.seq ?? null };
  }
  return { deadLetters, next: Number(total?.looked ?? 0) === mostLookedAt ? (total?.last ?? null) : null };
}
