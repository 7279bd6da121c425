import { PartsError } from '../errors';
import { within } from '../time';

/** An engine that is there answers in milliseconds; an address that leads nowhere must not hold up the start. */
const ANSWER_WITHIN_MS = 2000;

/** Rejects if no Docker engine answers. The library is loaded late: that takes half a second not everyone needs. */
export async function requireDocker(): Promise<void> {
  const { getContainerRuntimeClient } = await import('testcontainers');
  try {
    await within(ANSWER_WITHIN_MS, 'Docker', getContainerRuntimeClient());
  } catch {
    throw new PartsError('no engine answers');
  }
}
