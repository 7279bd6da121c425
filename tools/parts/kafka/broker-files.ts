import { randomBytes } from 'node:crypto';

export interface BrokerPlace {
  /** The first one, 1, is the controller as well. */
  readonly nodeId: number;
  readonly port: number;
  readonly controllerPort: number;
  readonly directory: string;
}

/** A broker of one or two; the internal topics have one replica and one partition. */
export function serverProperties({ nodeId, port, controllerPort, directory }: BrokerPlace): string {
  const controls = nodeId === 1;
  return [
    `process.roles=${controls ? 'broker,controller' : 'broker'}`,
    `node.id=${nodeId}`,
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port}${controls ? `,CONTROLLER://127.0.0.1:${controllerPort}` : ''}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=PLAINTEXT',
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    `log.dirs=${directory}/data`,
    'num.partitions=6',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=1',
    'group.initial.rebalance.delay.ms=0',
    // A broker started again after a kill -9 is let in when the session of the killed one has run out: 13 s until it
    // serves with the default of 9 s.
    'broker.session.timeout.ms=3000',
    'broker.heartbeat.interval.ms=500',
    '',
  ].join('\n');
}

/** A random id as Kafka writes them; one that begins with a dash would be read as an option. */
export function newClusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? newClusterId() : id;
}

/**
 * What `java` is run with, up to the main class. Nothing is written outside the broker's own directory.
 *
 * @param isShortLived to start with half the CPU time (8 s instead of 14 for two starts), and to be slower after some minutes
 */
export function javaArguments(jars: string, directory: string, isShortLived: boolean): string[] {
  return [
    ...(isShortLived ? ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'] : []),
    '-Xms256m',
    '-Xmx512m',
    '-XX:-UsePerfData', // else a killed JVM leaves a file behind in the system's temporary directory
    `-Djava.io.tmpdir=${directory}`,
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-cp',
    `${jars}/*`,
  ];
}

/** The words as one line for a POSIX shell. */
export function shellCommand(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
}
