import { findPrometheus } from '../../../tools/prometheus/find-prometheus';
import { startKafkaBroker, startPostgres, type DatabasePart, type KafkaPart } from '../../../tools/parts';

export interface StartedParts {
  database: DatabasePart;
  kafka: KafkaPart | undefined;
}

declare global {
  var outboxTestParts: StartedParts | undefined;
}

/** Starts what the suites share. Each suite makes its own database and topics, so that they do not meet. */
export default async function globalSetup(): Promise<void> {
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const [database, kafka, prometheus] = await Promise.allSettled([
    startPostgres({ log }),
    startKafkaBroker({ log }),
    findPrometheus(log),
  ]);
  if (database.status === 'rejected') {
    await (kafka.status === 'fulfilled' ? kafka.value.stop() : undefined);
    throw database.reason;
  }
  globalThis.outboxTestParts = {
    database: database.value,
    kafka: kafka.status === 'fulfilled' ? kafka.value : undefined,
  };
  process.env['OUTBOX_TEST_DATABASE_URL'] = database.value.url;
  if (prometheus.status === 'fulfilled') {
    process.env['OUTBOX_TEST_PROMETHEUS'] = JSON.stringify(prometheus.value);
  } else {
    log(`\nTESTS THAT NEED PROMETHEUS ARE SKIPPED: ${String(prometheus.reason)}\n`);
  }
  if (kafka.status === 'fulfilled') {
    process.env['OUTBOX_TEST_KAFKA_BROKERS'] = kafka.value.brokers.join(',');
    return;
  }
  const reason = kafka.reason instanceof Error ? kafka.reason.message : String(kafka.reason);
  if (process.env['CI'] !== undefined) {
    await database.value.stop();
    throw new Error(`The tests need Kafka, and in CI they are not skipped:\n${reason}`);
  }
  log(`\n${'!'.repeat(80)}\nALL TESTS THAT NEED KAFKA ARE SKIPPED:\n${reason}\n${'!'.repeat(80)}\n`);
}
