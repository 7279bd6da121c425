import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { OutboxDeadLetterNotFoundError, OutboxReplayConflictError } from '../errors/dead-letter.errors';
import type {
  DeadLetter,
  DeadLetterDiscard,
  DeadLetterPage,
  DeadLetterQuery,
  DeadLetterReplay,
} from '../interfaces/dead-letter';
import { discardDeadLetters } from '../store/discard-dead-letters';
import { findDeadLetter } from '../store/find-dead-letter';
import { findDeadLetters } from '../store/find-dead-letters';
import type { OutboxTables } from '../store/outbox-tables';
import { releaseKey } from '../store/release-key';
import { replayDeadLetters } from '../store/replay-dead-letters';
import type { TransactionContext } from '../transaction/transaction-context';
import { idOf, idsOf, keyOf, searchOf } from './dead-letter-arguments';
import { OutboxDeadLetters } from './outbox-dead-letters';

const none = Promise.resolve([]);

/** The dead letters in the tables of a TypeORM data source. */
export class TypeOrmDeadLetters extends OutboxDeadLetters {
  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: OutboxTables,
    private readonly transactions: TransactionContext,
    /** Called after a commit by which events of these lanes may be delivered that could not be before. */
    private readonly onChanged: (lanes: readonly number[]) => void,
  ) {
    super();
  }

  async list(query: DeadLetterQuery = {}): Promise<DeadLetterPage> {
    return findDeadLetters(this.dataSource, this.tables, searchOf(query));
  }

  async get(id: string): Promise<DeadLetter | null> {
    return findDeadLetter(this.dataSource, this.tables, idOf('get', id));
  }

  async replay(id: string): Promise<string> {
    const asked = idOf('replay', id);
    const { replayId, replayed, conflicts } = await this.replayAll([asked]);
    if (conflicts.length > 0) {
      throw new OutboxReplayConflictError(asked);
    }
    if (replayed.length === 0) {
      throw new OutboxDeadLetterNotFoundError(asked);
    }
    return replayId;
  }

  async replayMany(ids: readonly string[]): Promise<DeadLetterReplay> {
    return this.replayAll(idsOf('replayMany', ids));
  }

  async discard(id: string): Promise<boolean> {
    const { discarded } = await this.discardAll([idOf('discard', id)]);
    return discarded.length > 0;
  }

  async discardMany(ids: readonly string[]): Promise<DeadLetterDiscard> {
    return this.discardAll(idsOf('discardMany', ids));
  }

  async release(eventKey: string): Promise<number> {
    const key = keyOf('release', eventKey);
    const freed = await this.changed(
      () => releaseKey(this.dataSource, this.tables, key),
      (all) => all,
    );
    return freed.length;
  }

  private async replayAll(ids: readonly string[]): Promise<DeadLetterReplay> {
    const replayId = uuidv7();
    const rows = await this.changed(
      () => (ids.length === 0 ? none : replayDeadLetters(this.dataSource, this.tables, ids, replayId)),
      (all) => all.filter(({ moved }) => moved),
    );
    // An event that was added again after its death may have died again: of several under one id the outbox takes one at a time.
    const moved = new Map<string, boolean>();
    for (const { id, moved: isMoved } of rows) {
      moved.set(id, isMoved || moved.get(id) === true);
    }
    return {
      replayId,
      replayed: ids.filter((id) => moved.get(id) === true),
      conflicts: ids.filter((id) => moved.get(id) === false),
      notFound: ids.filter((id) => !moved.has(id)),
    };
  }

  private async discardAll(ids: readonly string[]): Promise<DeadLetterDiscard> {
    const rows = await this.changed(
      () => (ids.length === 0 ? none : discardDeadLetters(this.dataSource, this.tables, ids)),
      (all) => all.filter(({ held }) => held),
    );
    const gone = new Set(rows.map(({ id }) => id));
    return { discarded: ids.filter((id) => gone.has(id)), notFound: ids.filter((id) => !gone.has(id)) };
  }

  /** Runs a statement, and tells of the lanes that it lets go on: after the commit if the calling code runs in a transaction, else now. */
  private async changed<Row extends { readonly lane: number }>(
    statement: () => Promise<readonly Row[]>,
    lettingGo: (rows: readonly Row[]) => readonly Row[],
  ): Promise<readonly Row[]> {
    const frame = this.transactions.current();
    const rows = await statement();
    const lanes = [...new Set(lettingGo(rows).map(({ lane }) => lane))];
    if (lanes.length > 0) {
      if (frame === undefined) {
        this.onChanged(lanes);
      } else {
        frame.onCommit(() => this.onChanged(lanes));
      }
    }
    return rows;
  }
}
