/** Real parts to run against: PostgreSQL and Kafka, found running or started here, and ended with this process. */
export { NothingServesError, PartsError } from './errors';
export { startKafkaBroker, startKafkaPair } from './kafka/start-kafka-broker';
export type { Log } from './log';
export { startPostgres } from './postgres/start-postgres';
export { DatabasePart, KafkaPart, type Source } from './service/part';
export { Parts, startParts } from './start-parts';
