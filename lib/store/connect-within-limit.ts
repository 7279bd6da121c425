import type { DataSource, QueryRunner } from 'typeorm';
import { withTimeLimit } from '../time/time-limit';

/** Longest that is waited for a connection. */
const LIMIT_MS = 15_000;

/** What is used of node-postgres' client. */
export interface PgSocket {
  readonly connection?: { readonly stream?: { destroy(): void } };
}

/** What node-postgres' pool knows, and does not tell, of a client: false from the call to the end of the handshake. */
interface PgPool {
  readonly _clients?: readonly (PgSocket & { readonly _connected?: boolean })[];
}

/**
 * Gets a connection of the pool for a runner. A pool without a free connection, or a server that takes the call and says nothing, would keep the relay
 * waiting for ever. The latter would also keep a place of the pool for ever, until none is left for anybody, and the data source from closing:
 * node-postgres waits without a limit unless `connectTimeoutMS` is set, which is not for this library to set, as it limits the
 * wait for a free connection, too.
 */
export function connectWithinLimit<Client>(dataSource: DataSource, runner: QueryRunner): Promise<Client & PgSocket> {
  const connecting = runner.connect() as Promise<Client & PgSocket>;
  const calling = callingClients(dataSource);
  const giveUp = (): never => {
    // Not before: TypeORM takes a runner for released that has no connection yet, never gives back the one that it then gets, and loops without end
    // over such runners when the data source is closed.
    connecting.then(() => runner.release()).catch(() => undefined);
    // This one, or those whose places it has waited for.
    calling.filter(({ _connected }) => _connected === false).forEach(cut);
    throw new Error(`no connection to the database could be had within ${LIMIT_MS / 1000} s`);
  };
  // The process may end: at shutdown nobody waits for a pool that gives no connection.
  return withTimeLimit(LIMIT_MS, connecting, giveUp, true);
}

/** Ends a connection at once. What it runs fails as with any lost connection, and the pool drops it. */
export function cut({ connection }: PgSocket): void {
  connection?.stream?.destroy();
}

function callingClients(dataSource: DataSource): NonNullable<PgPool['_clients']> {
  const { master } = dataSource.driver as unknown as { master?: PgPool };
  return master?._clients?.filter(({ _connected }) => _connected === false) ?? [];
}
