import { homedir } from 'node:os';
import { join } from 'node:path';

export const KAFKA_VERSION = '4.1.0';

/** The broker and a logger that writes to standard error. Where they come from is Maven's configuration, not ours. */
export const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>nestjs-outboxed</groupId>
  <artifactId>kafka-for-tests</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`;

/** The folder that copy-dependencies fills. */
export const FETCHED = 'libs';

export const FETCH = {
  command: 'mvn',
  args: ['-B', '-f', 'pom.xml', 'dependency:copy-dependencies', `-DoutputDirectory=${FETCHED}`],
} as const;

/** Outside the checkout, so that the next checkout and the next start need no network. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'nestjs-outboxed', `kafka-${KAFKA_VERSION}`);
}

/** How far Maven is, by the lines it prints for each file it has downloaded. */
export function downloadProgress(said: string): string {
  let jars = 0;
  let bytes = 0;
  const factors: Record<string, number> = { B: 1, kB: 1e3, MB: 1e6 };
  for (const [, size, unit] of said.matchAll(/Downloaded from .*\.jar \(([\d.]+) (B|kB|MB)/g)) {
    jars++;
    bytes += Number(size) * (factors[String(unit)] ?? 0);
  }
  return `${jars} jars, ${(bytes / 1e6).toFixed(1)} MB so far`;
}

/** The line in which Maven names the cause, without its marks. */
export function downloadFailure(said: string): string {
  const line = said.split('\n').find((candidate) => candidate.startsWith('[ERROR] '));
  return line?.replace('[ERROR] ', '') ?? said.trim().split('\n').at(-1) ?? '';
}
