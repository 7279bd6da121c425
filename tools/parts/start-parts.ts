import { PartsError } from './errors';
import { startKafkaBroker } from './kafka/start-kafka-broker';
import { startPostgres, type PostgresOptions } from './postgres/start-postgres';
import type { DatabasePart, KafkaPart } from './service/part';
import type { StartOptions } from './service/start-options';

export interface PartsOptions extends StartOptions {
  /** Both parts are started unless one is declined. */
  readonly database?: boolean;
  readonly kafka?: boolean;
  /** See {@link PostgresOptions.directory}. */
  readonly databaseDirectory?: PostgresOptions['directory'];
}

/** The parts that were started together. */
export class Parts {
  readonly #database: DatabasePart | undefined;
  readonly #kafka: KafkaPart | undefined;

  constructor(database: DatabasePart | undefined, kafka: KafkaPart | undefined) {
    this.#database = database;
    this.#kafka = kafka;
  }

  get database(): DatabasePart {
    if (!this.#database) throw new PartsError('PostgreSQL was not asked for');
    return this.#database;
  }

  get kafka(): KafkaPart {
    if (!this.#kafka) throw new PartsError('Kafka was not asked for');
    return this.#kafka;
  }

  async stop(): Promise<void> {
    const ends = await Promise.allSettled([this.#database?.stop(), this.#kafka?.stop()]);
    throwIfAnyFailed(ends);
  }
}

/** Starts the parts side by side. All or nothing: if one cannot be had, the other is stopped before this rejects. */
export async function startParts({
  database = true,
  kafka = true,
  databaseDirectory,
  ...options
}: PartsOptions = {}): Promise<Parts> {
  const [startedDatabase, startedKafka] = await Promise.allSettled([
    database ? startPostgres({ ...options, directory: databaseDirectory }) : undefined,
    kafka ? startKafkaBroker(options) : undefined,
  ]);
  const parts = new Parts(valueOf(startedDatabase), valueOf(startedKafka));
  try {
    throwIfAnyFailed([startedDatabase, startedKafka]);
  } catch (error) {
    await parts.stop();
    throw error;
  }
  return parts;
}

function valueOf<T>(result: PromiseSettledResult<T>): T | undefined {
  return result.status === 'fulfilled' ? result.value : undefined;
}

function throwIfAnyFailed(results: readonly PromiseSettledResult<unknown>[]): void {
  const reasons = results.flatMap((result): unknown[] => (result.status === 'rejected' ? [result.reason] : []));
  if (reasons.length === 0) return;
  if (reasons.length === 1 || !reasons.every((reason) => reason instanceof PartsError)) throw reasons[0];
  throw new PartsError(reasons.map((reason) => reason.message).join('\n'));
}
