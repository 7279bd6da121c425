import {
  NothingServesError,
  startKafkaBroker,
  startPostgres,
  type DatabasePart,
  type KafkaPart,
  type Log,
} from '../parts';

export interface ShopParts {
  readonly database: DatabasePart;
  /** Null: there is none to be had, and the shop delivers inside its own process. */
  readonly kafka: KafkaPart | null;
}

const NOTICE =
  'There is no Kafka, so the shop goes on without: events are delivered inside its own process. ' +
  'For the real thing install Docker, or a JDK (17 or newer) with Maven, or set KAFKA_BROKERS to a broker that runs.';

/** PostgreSQL is needed; the shop alone can do without Kafka, unless one was asked for. */
export async function startShopParts(log: Log, onEnd: (end: () => Promise<void>) => void): Promise<ShopParts> {
  const asked = process.env['KAFKA_BROKERS'];
  const [database, kafka] = await Promise.allSettled([
    startPostgres({ log }),
    asked === 'none' ? null : startKafkaBroker({ log }),
  ]);
  for (const started of [database, kafka]) {
    if (started.status === 'fulfilled' && started.value !== null) onEnd(started.value.stop.bind(started.value));
  }
  if (database.status === 'rejected') throw database.reason;
  if (kafka.status === 'fulfilled') {
    if (kafka.value === null) log(NOTICE);
    return { database: database.value, kafka: kafka.value };
  }
  if (!(kafka.reason instanceof NothingServesError) || (asked !== undefined && asked !== '')) throw kafka.reason;
  log(kafka.reason.message);
  log(NOTICE);
  return { database: database.value, kafka: null };
}
