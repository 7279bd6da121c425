/** The database does not answer or does not let us in. */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError';

  constructor(url: string, cause: unknown) {
    // Host and name only: the URL holds a password.
    const { hostname, port, pathname } = new URL(url);
    super(
      `PostgreSQL at ${hostname}:${port || '5432'} (database "${pathname.slice(1)}") cannot be used: ${reasonOf(cause)}.\n` +
        'Start it, or set DATABASE_URL to a database that runs.',
      { cause },
    );
  }
}

/** The tables could not be made. */
export class MigrationFailedError extends Error {
  override readonly name = 'MigrationFailedError';

  constructor(cause: unknown) {
    super(
      `The tables of the shop could not be made: ${reasonOf(cause)}.\n` +
        'Give the user of DATABASE_URL the right to create tables, or name a database that holds nothing else.',
      { cause },
    );
  }
}

/** For a host with several addresses Node reports one error for each. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}
