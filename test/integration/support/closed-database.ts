import { reconnecting, type TestDatabase } from './database';

/** Closes all connections to a database but those of the test itself, and lets nobody connect any more. Returns how to let them in again. */
export async function closeDatabase(database: TestDatabase): Promise<() => Promise<void>> {
  const server = reconnecting(process.env['OUTBOX_TEST_DATABASE_URL']!);
  const name = new URL(database.url).pathname.slice(1);
  const allow = async (isAllowed: boolean): Promise<void> => {
    await server.query(`alter database ${name} allow_connections ${String(isAllowed)}`);
  };
  await allow(false);
  await closeConnections(database);
  return () => allow(true);
}

/** Closes all connections to a database but those of the test itself. */
export async function closeConnections(database: TestDatabase): Promise<void> {
  await database.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
  );
}
