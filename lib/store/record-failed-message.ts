import type { QueryRunner } from 'typeorm';
import type { MessageKey } from './claim-messages';
import type { OutboxTables } from './outbox-tables';
import { runStatement } from './run-statement';

/** A message as it was received. */
export interface StoredMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface FailedMessage {
  readonly consumer: string;
  readonly key: MessageKey;
  readonly message: StoredMessage;
  readonly reason: string;
  /** It is given up with this attempt; null: never. */
  readonly maxAttempts: number | null;
  /** Whether it becomes a dead letter if it is given up. */
  readonly bury: boolean;
}

export interface FailureRecord {
  readonly attempts: number;
  readonly givenUp: boolean;
}

/**
 * Counts a failed attempt, and gives the message up if that was the last one: it then counts as handled and is a dead letter, in one statement. Null if the
 * message was handled meanwhile, or its COMMIT succeeded although its answer was lost.
 */
export async function recordFailedMessage(
  runner: QueryRunner,
  { inbox: t, inboxDeadLetter: d }: OutboxTables,
  { consumer, key, message, reason, maxAttempts, bury }: FailedMessage,
): Promise<FailureRecord | null> {
  const identity = [t.consumer, t.messageId, t.replayId];
  const { rows } = await runStatement<{ attempts: string; givenUp: string }>(
    runner,
    `with counted as (
       insert into ${t.tableName} as i
         (${[...identity, t.attempts, t.failedAt, t.lastError, t.processedAt].join(', ')})
       values ($1, $2, $3, 1, clock_timestamp(), $4, case when 1 >= $5::int then clock_timestamp() end)
       on conflict (${identity.join(', ')}) do update
         set ${t.attempts} = least(i.${t.attempts} + 1, 32767),
             ${t.failedAt} = excluded.${t.failedAt},
             ${t.lastError} = excluded.${t.lastError},
             ${t.processedAt} = case when i.${t.attempts} + 1 >= $5::int then clock_timestamp() end
         where i.${t.processedAt} is null
       returning i.${t.attempts} as attempts, i.${t.processedAt} is not null as given_up
     ), buried as (
       insert into ${d.tableName}
         (${[d.consumer, d.messageId, d.replayId, d.topic, d.topicPartition, d.topicOffset].join(', ')},
          ${[d.messageKey, d.messageValue, d.headers, d.attempts, d.reason, d.diedAt].join(', ')})
       select $1, $2, $3, $7, $8::int, $9::bigint, $10::bytea, $11::bytea, $12::json, attempts, $4, clock_timestamp()
       from counted
       where given_up and $6::boolean
     )
     select attempts::text as attempts, given_up::text as "givenUp" from counted`,
    [
      consumer,
      key.messageId,
      key.replayId,
      reason,
      maxAttempts,
      bury,
      message.topic,
      message.partition,
      message.offset,
      message.key,
      message.value,
      JSON.stringify(message.headers),
    ],
  );
  const [row] = rows;
  return row === undefined ? null : { attempts: Number(row.attempts), givenUp: row.givenUp === 'true' };
}
