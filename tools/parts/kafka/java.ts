import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PartsError } from '../errors';

const run = promisify(execFile);
/** Kafka 4 brokers need it. */
const OLDEST = 17;
const NEEDED = `no JDK ${OLDEST} or newer`;

/** The java of JAVA_HOME, else of PATH; rejects if it is not there or too old. */
export async function findJava(): Promise<string> {
  const home = process.env['JAVA_HOME'];
  const java = home ? join(home, 'bin', 'java') : 'java';
  const said = await run(java, ['-version']).then(
    ({ stdout, stderr }) => stdout + stderr,
    () => {
      throw new PartsError(`${NEEDED} (${home ? 'JAVA_HOME has no java that runs' : 'java not found'})`);
    },
  );
  const version = javaVersion(said);
  if (version < OLDEST) throw new PartsError(`${NEEDED} (java is version ${version || 'unknown'})`);
  return java;
}

/** 17 from `openjdk version "17.0.15" 2025-04-15`, 8 from `java version "1.8.0_421"`, 0 if it says neither. */
export function javaVersion(said: string): number {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(said) ?? [];
  return Number(first === '1' ? second : first) || 0;
}
