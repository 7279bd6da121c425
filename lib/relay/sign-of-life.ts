import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { listen } from '../store/listen';
import { notify } from '../store/notify';
import type { OutboxTables } from '../store/outbox-tables';
import { runStatement } from '../store/run-statement';
import { takeLifeLock } from '../store/take-life-lock';
import { pauseMs, type Random } from './backoff';
import { ListenConnection } from './listen-connection';
import type { RelayReport } from './relay-report';
import { fromPayload, toPayload } from './wake-up';

/** One connection is for this, and the relay fetches, settles and renews on up to three others. */
const SMALLEST_POOL = 4;
const HEARD_WITHIN_MS = 2000;
const TEST_AGAIN_MS = 600_000;
const CHECK_MS = 30_000;

export interface SignOfLifeHooks {
  /** Something was heard from another process. */
  onMessage(payload: string): void;
  /** {@link SignOfLife.lock} has changed. */
  onLock(): Promise<void>;
}

/**
 * A connection of its own, on which the relay hears of what other processes write, and holds a session lock as a sign of life. PostgreSQL drops the lock
 * as soon as the process is gone, and so the others need not wait for its leases to lapse. Where listening does not work (a pooler that gives
 * each statement another session) the relay works by polling and by its leases alone.
 */
export class SignOfLife {
  private held: number | null = null;
  private connection: ListenConnection | undefined;
  private closed = false;
  private failures = 0;
  /** The token of the test that is under way. */
  private expected: string | undefined;
  private endWait: () => void = () => undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: OutboxTables,
    /** Most connections of the pool; undefined if that is not known. */
    private readonly poolSize: number | undefined,
    private readonly report: Pick<RelayReport, 'pollsOnly'>,
    private readonly random: Random,
    private readonly hooks: SignOfLifeHooks,
  ) {}

  /** Number of the session lock that is held; null if none is. */
  get lock(): number | null {
    return this.held;
  }

  start(): void {
    if (this.poolSize === undefined || this.poolSize < SMALLEST_POOL) {
      this.report.pollsOnly(
        `the connection pool is too small to keep a connection for notifications (poolSize ${String(this.poolSize)}, needed ${SMALLEST_POOL})`,
      );
      return;
    }
    this.running = this.run();
  }

  /** The lock goes with the connection: to be called when the leases are given back. */
  async close(): Promise<void> {
    this.closed = true;
    this.endWait();
    await this.connection?.close();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.closed) {
      const pause = await this.session().catch(() => pauseMs(++this.failures, this.random));
      await this.wait(pause);
    }
  }

  /** Lives with one connection until that ends; returns how long to wait for the next one, in milliseconds. */
  private async session(): Promise<number> {
    const connection = await ListenConnection.open(this.dataSource, (payload) => this.receive(payload));
    this.connection = connection;
    // Once: a listener for each wait would stay for as long as the connection does.
    void connection.ended.then(() => this.endWait());
    try {
      if (this.closed) {
        // It has waited for the connection, and nobody for it.
        return 0;
      }
      await connection.run((runner) => listen(runner, this.tables));
      if (!(await this.hears(connection))) {
        this.report.pollsOnly('notifications do not arrive, as behind a pooler in transaction mode');
        return TEST_AGAIN_MS;
      }
      this.held = await connection.run(takeLifeLock);
      await this.tell();
      while (!(await this.wait(CHECK_MS, connection))) {
        await connection.run((runner) => runStatement(runner, 'select 1', []));
        this.failures = 0;
      }
      throw new Error('the connection has ended');
    } finally {
      if (this.held !== null) {
        this.held = null;
        // Before the lock is dropped, if it is still there: or the others would take the lanes.
        await this.tell();
      }
      this.connection = undefined;
      await connection.close();
    }
  }

  /** Whether what is sent on another connection arrives on this one. */
  private async hears(connection: ListenConnection): Promise<boolean> {
    const token = randomUUID();
    this.expected = token;
    await notify(this.dataSource, this.tables, toPayload({ kind: 'test', token }));
    if (this.expected === token && (await this.wait(HEARD_WITHIN_MS, connection))) {
      throw new Error('the connection has ended');
    }
    // A process that was busy for long finds its timers due before it reads what has arrived.
    await new Promise((resolve) => setImmediate(resolve));
    return this.expected !== token;
  }

  private receive(payload: string): void {
    const wakeUp = fromPayload(payload);
    if (wakeUp?.kind !== 'test') {
      this.hooks.onMessage(payload);
    } else if (wakeUp.token === this.expected) {
      this.expected = undefined;
      this.endWait();
    }
  }

  /** What fails is told with the next renewal of the leases. */
  private async tell(): Promise<void> {
    await this.hooks.onLock().catch(() => undefined);
  }

  /** Waits, unless that is ended; true if the connection has ended, or all of this. */
  private wait(milliseconds: number, connection?: ListenConnection): Promise<boolean> {
    return new Promise((resolve) => {
      const over = (isEnd: boolean): void => {
        clearTimeout(timer);
        resolve(isEnd);
      };
      const timer = setTimeout(() => over(false), milliseconds);
      const isOver = (): boolean => this.closed || connection?.hasEnded === true;
      this.endWait = () => over(isOver());
      if (isOver()) {
        over(true);
      }
    });
  }
}
