import type { DatabasePart, KafkaPart } from '../service/part';
import type { Parts } from '../start-parts';

/** For a reader: addresses that can be exported, process ids, and how to break and mend things. */
export function describeForPeople({ database, kafka }: Parts, ownPid: number): string {
  const pid = (part: DatabasePart | KafkaPart): string =>
    part.pid === undefined ? `none (${part.source})` : `${part.pid}`;
  return [
    `DATABASE_URL=${database.url}`,
    `KAFKA_BROKERS=${kafka.brokers.join(',')}`,
    '',
    `pids: postgres ${pid(database)}, kafka ${pid(kafka)}, this process ${ownPid}`,
    ...(kafka.restartCommand
      ? [
          '',
          'After a kill -9, this starts the same broker again, on the same ports and data:',
          `  ${kafka.restartCommand}`,
        ]
      : []),
    '',
    'So do these lines typed here (or written to the standard input of this process):',
    '  start kafka | start postgres | status | stop',
    'Everything started here ends with this process (Ctrl-C).',
  ].join('\n');
}

/** For a program: one line. */
export function describeAsJson({ database, kafka }: Parts, ownPid: number): string {
  return JSON.stringify({
    databaseUrl: database.url,
    kafkaBrokers: kafka.brokers,
    sources: { postgres: database.source, kafka: kafka.source },
    pids: { postgres: database.pid ?? null, kafka: kafka.pid ?? null, parts: ownPid },
    restartCommands: { kafka: kafka.restartCommand ?? null },
  });
}
