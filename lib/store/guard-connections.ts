import type { EventEmitter } from 'node:events';
import type { DataSource } from 'typeorm';

/**
 * Keeps a connection that the server closes in the moment it is opened from ending the process: node-postgres' pool hands it over without a listener
 * for errors, and TypeORM adds its own only a moment later. An error that comes in one packet with the greeting was thrown in between (run). The
 * relay opens connections again and again while the server restarts, and so met that. The pool learns of the end all the same.
 */
export function guardConnections(dataSource: DataSource): void {
  const { master, slaves = [] } = dataSource.driver as unknown as { master?: EventEmitter; slaves?: EventEmitter[] };
  for (const pool of [master, ...slaves]) {
    // Once, though several applications may use the data source, one after the other.
    if (pool !== undefined && !pool.listeners('connect').includes(guard)) {
      pool.on('connect', guard);
    }
  }
}

function guard(client: EventEmitter): void {
  client.on('error', ignore);
}

function ignore(): void {
  // Whoever uses the connection is told by its statements.
}
