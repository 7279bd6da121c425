import { join } from 'node:path';

/** The checkout, seen from dist/tools/start. */
export const ROOT = join(__dirname, '..', '..', '..');
