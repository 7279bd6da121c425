import type { EntityManager } from 'typeorm';
import type { TestDatabase } from './database';
import { stored, waysOfManagers, waysOfWriting, type Writers } from './writers';
import { allConnectionsAreBack } from './pool';

/** Runs `work` in a transaction, commits it if that succeeds, and else rolls it back and fails with the same error. */
export type Open = (work: (manager: EntityManager | undefined) => Promise<unknown>) => Promise<unknown>;

export interface Opened {
  readonly database: TestDatabase;
  readonly writers: Writers;
  readonly open: Open;
}

const failure = new Error('rolled back by the test');
let number = 0;

/**
 * Declares tests which show that rows, written in every way that TypeORM offers, and events commit together and roll back together.
 *
 * @param what `context`: repositories and managers that were injected; `manager`: that of the transaction
 */
export function rowsAndEventsShareATransaction(opened: () => Opened, what: 'context' | 'manager'): void {
  const names = Object.keys(what === 'context' ? waysOfWriting : waysOfManagers);

  const write = (name: string, id: string, manager: EntityManager | undefined): Promise<unknown> =>
    what === 'context' ? waysOfWriting[name]!(opened().writers, id) : waysOfManagers[name]!(manager!, id);

  it.each(names)('%s: row and event commit together', async (name) => {
    const id = `way-${String(++number)}-`;
    const { database, writers, open } = opened();
    await open(async (manager) => {
      await write(name, id, manager);
      await writers.addEvent(id);
      expect(await stored(database, id)).toEqual({ rows: [], events: [] });
    });
    expect(await stored(database, id)).toEqual({ rows: [id], events: [id] });
  });

  it.each(names)('%s: row and event roll back together', async (name) => {
    const id = `way-${String(++number)}-`;
    const { database, writers, open } = opened();
    const opening = open(async (manager) => {
      await write(name, id, manager);
      await writers.addEvent(id);
      throw failure;
    });
    await expect(opening).rejects.toBe(failure);
    expect(await stored(database, id)).toEqual({ rows: [], events: [] });
  });
}

/** Declares a test which shows that no connection is left behind. */
export function noConnectionIsLeft(opened: () => Opened): void {
  it('leaves no connection behind', async () => {
    await allConnectionsAreBack(opened().writers.dataSource);
  });
}
