import type { DataSource, QueryRunner } from 'typeorm';
import { withTimeLimit } from '../time/time-limit';

/** Longest that is waited for a connection. */
const LIMIT_MS = 15_000;

/** What is used of node-postgres' client. */
export interface PgSocket {
  readonly connection?: { readonly stream?: { destroy(): void } };
}

interface PooledClient extends PgSocket {
  /** False from the call to the end of the handshake. */
  readonly _connected?: boolean;
}

/** What node-postgres' pool knows, and does not tell. */
interface PgPool {
  readonly _clients?: readonly PooledClient[];
}

/**
 * Gets a connection of the pool for a runner. A pool without a free connection, or a server that takes the call and says nothing, would keep the relay
 * waiting for ever. The latter would also keep a place of the pool for ever, until none is left for anybody, and the data source from closing:
 * node-postgres waits without a limit unless `connectTimeoutMS` is set, which is not for this library to set, as it limits the
 * wait for a free connection, too.
 */
export function connectWithinLimit<Client>(dataSource: DataSource, runner: QueryRunner): Promise<Client & PgSocket> {
  const connecting = runner.connect() as Promise<Client & PgSocket>;
  let calling = unanswered(dataSource);
  const cutOld = (): void => {
    // Also those of others, who would wait for ever as well.
    calling.filter(isUnanswered).forEach(cut);
    calling = unanswered(dataSource);
  };
  const giveUp = (): never => {
    cutOld();
    // The pool keeps the request, and may make the call for it only when a place becomes free.
    const looking = setInterval(cutOld, LIMIT_MS).unref();
    connecting
      // Not before: TypeORM takes a runner for released that has no connection yet, never gives back the one that it then gets, and loops without end
      // over such runners when the data source is closed.
      .then(() => runner.release())
      .catch(() => undefined)
      .finally(() => {
        clearInterval(looking);
      });
    throw new Error(`no connection to the database could be had within ${LIMIT_MS / 1000} s`);
  };
  // Nothing of this keeps the process: a call that is not answered does so by its socket, and a full pool need not.
  return withTimeLimit(LIMIT_MS, connecting, giveUp, true);
}

/** Ends a connection at once. What it runs fails as with any lost connection, and the pool drops it. */
export function cut({ connection }: PgSocket): void {
  connection?.stream?.destroy();
}

/** The calls that the pool has made, and the server has not answered yet. */
function unanswered(dataSource: DataSource): readonly PooledClient[] {
  const { master } = dataSource.driver as unknown as { master?: PgPool };
  return master?._clients?.filter(isUnanswered) ?? [];
}

function isUnanswered({ _connected }: PooledClient): boolean {
  return _connected === false;
}
