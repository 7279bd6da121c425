import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { endedAtLast } from './cleanup';

export interface TestDatabase {
  readonly url: string;
  /** Runs a statement on a connection of its own, apart from the data source under test. */
  query<Row extends object>(sql: string, parameters?: unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

/** A fresh, empty database for one suite. */
export async function createDatabase(): Promise<TestDatabase> {
  const server = process.env['OUTBOX_TEST_DATABASE_URL'];
  if (server === undefined) {
    throw new Error('no PostgreSQL was started: see global-setup.ts');
  }
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await once(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const client = new Client({ connectionString: url.href });
  // Tests end connections on purpose; the next statement reports it.
  client.on('error', () => undefined);
  await client.connect();
  return {
    url: url.href,
    query: async <Row extends object>(sql: string, parameters: unknown[] = []) =>
      (await client.query<Row>(sql, parameters)).rows,
    drop: endedAtLast(async () => {
      await client.end();
      await once(server, `drop database ${name} with (force)`);
    }),
  };
}

/** A database that a test restarts: each statement has a connection of its own. */
export function reconnecting(url: string): Pick<TestDatabase, 'query'> {
  return { query: (sql, parameters) => once(url, sql, parameters) };
}

async function once<Row extends object>(url: string, sql: string, parameters: unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(sql, parameters)).rows;
  } finally {
    await client.end();
  }
}
