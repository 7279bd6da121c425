import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Change } from './mutations';

/** @throws if the text is not in the file exactly once: then the list of mutations is out of date */
export function applyChange(root: string, { file, text, by }: Change): void {
  const path = join(root, file);
  const parts = readFileSync(path, 'utf8').split(text);
  if (parts.length !== 2) {
    throw new Error(`${file} holds ${String(parts.length - 1)} times what is to be replaced, not once: ${text}`);
  }
  writeFileSync(path, parts.join(by));
}
