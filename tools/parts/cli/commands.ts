import { reasonOf } from '../errors';
import { probeKafka } from '../kafka/probe';
import { probePostgres } from '../postgres/probe';
import type { DatabasePart, KafkaPart } from '../service/part';
import type { Parts } from '../start-parts';

/** Answers one line of standard input (all but `stop`, which ends the process that reads it). */
export async function answer(line: string, parts: Parts): Promise<string> {
  try {
    if (line === 'start kafka') return await startAgain(parts.kafka);
    if (line === 'start postgres') return await startAgain(parts.database);
    if (line === 'status') return (await Promise.all([status(parts.database), status(parts.kafka)])).join('\n');
    return `"${line}" is none of: start kafka, start postgres, status, stop`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function startAgain(part: DatabasePart | KafkaPart): Promise<string> {
  const served = part.pid === undefined && part.controllable && (await serves(part)) === undefined;
  if (served) return `${part.name} already serves: it was started again by somebody else`;
  await part.start();
  return `${part.name} serves again (pid ${part.pid ?? 'unknown'})`;
}

async function status(part: DatabasePart | KafkaPart): Promise<string> {
  const reason = await serves(part);
  const pid = part.pid === undefined ? 'not run by this process' : `pid ${part.pid}`;
  return `${part.name}: ${reason === undefined ? 'serves' : `does not serve (${reason})`}, ${pid}, ${part.source}`;
}

/** Resolves with the reason if it does not. */
function serves(part: DatabasePart | KafkaPart): Promise<string | undefined> {
  const probe = part.name === 'kafka' ? probeKafka(part.brokers) : probePostgres(part.url);
  return probe.then(() => undefined, reasonOf);
}
