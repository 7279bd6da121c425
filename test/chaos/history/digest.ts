import { createHash } from 'node:crypto';

/** Short, and long enough that two different contents of a run never share it. */
export function digest(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    // The length first, so that no two lists of parts run into the same bytes.
    hash.update(`${String(Buffer.byteLength(part))} `).update(part);
  }
  return hash.digest('base64').slice(0, 16);
}
