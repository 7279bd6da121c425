import { createHash } from 'node:crypto';
import type { QueryRunner } from 'typeorm';
import type { OutboxTables } from './outbox-tables';
import { prepared, runPrepared, type PreparedStatement } from './run-prepared';
import { runStatement } from './run-statement';

/** What a message is known by. */
export interface MessageKey {
  readonly messageId: string;
  /** Empty: the message itself; else an operator's replay of it that counts on its own. */
  readonly replayId: string;
}

export type ClaimResult = 'claimed' | 'known' | 'busy';

/**
 * Records messages as handled, in the transaction that handles them. Where another transaction is about to record the same one, PostgreSQL lets the insert
 * wait for its end: the row is then either there, and the message known, or free. It rests on the primary key.
 */
export class ClaimMessages {
  private readonly one: PreparedStatement;
  private readonly oneIfFree: PreparedStatement;
  private readonly many: PreparedStatement;

  constructor(
    { inbox: t }: OutboxTables,
    /** Whether the connections keep prepared statements. */
    private readonly arePrepared: boolean,
  ) {
    const into = `insert into ${t.tableName} as i (${[t.consumer, t.messageId, t.replayId, t.processedAt].join(', ')})`;
    // One that has failed before has a row already, and is claimed by it.
    const unlessProcessed = `on conflict (${[t.consumer, t.messageId, t.replayId].join(', ')}) do update
         set ${t.processedAt} = excluded.${t.processedAt} where i.${t.processedAt} is null`;
    this.one = prepared(
      `${into} values ($1, $2, $3, clock_timestamp()) ${unlessProcessed} returning 'claimed' as result`,
    );
    this.oneIfFree = prepared(
      `with turn as materialized (
         select pg_try_advisory_xact_lock($4::bigint) as mine
       ), claimed as (
         ${into} select $1, $2, $3, clock_timestamp() from turn where mine ${unlessProcessed}
         returning 1
       )
       select case when not mine then 'busy' when exists (select from claimed) then 'claimed' else 'known' end as result
       from turn`,
    );
    // In the order of the key, so that two batches with the same messages cannot wait for each other.
    this.many = prepared(
      `${into}
       select $1, m.message_id, m.replay_id, clock_timestamp()
       from unnest($2::text[], $3::text[]) as m(message_id, replay_id)
       order by m.message_id collate "C", m.replay_id collate "C"
       ${unlessProcessed}
       returning i.${t.messageId} as "messageId", i.${t.replayId} as "replayId"`,
    );
  }

  /** @param waits whether it waits for a transaction that handles the same message; else the result is `busy` */
  claim(runner: QueryRunner, consumer: string, key: MessageKey, waits: boolean): Promise<ClaimResult> {
    const values = [consumer, key.messageId, key.replayId];
    const rows = waits
      ? this.run<{ result: ClaimResult }>(runner, this.one, values)
      : this.run<{ result: ClaimResult }>(runner, this.oneIfFree, [...values, lockNumber(consumer, key)]);
    return rows.then(([row]) => row?.result ?? 'known');
  }

  /** Claims several, each named once, in one statement; returns those that are claimed. */
  claimAll(runner: QueryRunner, consumer: string, keys: readonly MessageKey[]): Promise<readonly MessageKey[]> {
    return this.run<MessageKey>(runner, this.many, [
      consumer,
      keys.map(({ messageId }) => messageId),
      keys.map(({ replayId }) => replayId),
    ]);
  }

  /** Each message comes through here: without a promise more than is needed. */
  private run<Row>(runner: QueryRunner, statement: PreparedStatement, values: unknown[]): Promise<readonly Row[]> {
    return this.arePrepared
      ? runPrepared<Row>(runner, statement, values)
      : runStatement<Row>(runner, statement.text, values).then(({ rows }) => rows);
  }
}

/**
 * An advisory lock's number of 64 bits; those of two messages meet once in a thousand million million. Locks of one number of 64 bits are apart from those of two
 * of 32, which the outbox takes elsewhere.
 */
function lockNumber(consumer: string, { messageId, replayId }: MessageKey): string {
  return createHash('sha256')
    .update(JSON.stringify([consumer, messageId, replayId]))
    .digest()
    .readBigInt64BE()
    .toString();
}
