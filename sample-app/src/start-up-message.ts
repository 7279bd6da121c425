import { OutboxError } from 'nestjs-outboxed';
import { ConfigError } from './config/config.error';
import { DatabaseUnavailableError, MigrationFailedError } from './database/database.errors';

const FORESEEN = [ConfigError, DatabaseUnavailableError, MigrationFailedError, OutboxError];

/** What a person at the terminal needs to know when a program cannot start; only of a surprise the stack. */
export function startUpMessage(error: unknown, program: 'shop' | 'relay', port = 0): string {
  if (FORESEEN.some((kind) => error instanceof kind)) return (error as Error).message;
  const { code } = error as { code?: unknown };
  if (code === 'EADDRINUSE') {
    return `Port ${port} is in use by another program. Set PORT to a free one (PORT=0 takes any).`;
  }
  if (code === 'EACCES') {
    return `Port ${port} may not be used by this user. Set PORT to one above 1023 (PORT=0 takes any).`;
  }
  return `The ${program} could not start.\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
