import { Client } from 'pg';

const ANSWER_WITHIN_MS = 5000;

/** Rejects unless the database lets us in and answers. */
export async function probePostgres(url: string): Promise<void> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: ANSWER_WITHIN_MS,
    query_timeout: ANSWER_WITHIN_MS,
  });
  client.on('error', () => undefined); // a connection lost while closing is no news here
  try {
    await client.connect();
    await client.query('SELECT 1');
  } finally {
    await client.end().catch(() => undefined);
  }
}
