import fc from 'fast-check';
import type { OutboxPropagation } from 'nestjs-outboxed';

/** What a frame does, one after the other. */
export type Step =
  | { readonly kind: 'row' }
  | { readonly kind: 'events'; readonly count: number }
  | { readonly kind: 'await' }
  | { readonly kind: 'together'; readonly writes: readonly ('row' | 'event')[] }
  | { readonly kind: 'frame'; readonly frame: Frame; readonly caught: boolean };

/** How a frame is begun. `savepoint`: with the entity manager; `transaction`: with the data source, whatever is open. */
export type Opening = OutboxPropagation | 'savepoint' | 'transaction';

export interface Frame {
  readonly opening: Opening;
  readonly steps: readonly Step[];
  /** What becomes of it after its steps. `sql`: a statement fails, which aborts the transaction unless it goes back to a savepoint. */
  readonly end: 'done' | 'fails' | 'sql';
}

export interface Expected {
  readonly rows: string[];
  readonly events: string[];
}

/** Frames in frames, up to four deep. */
export const trees: fc.Arbitrary<Frame> = fc.letrec<{ frame: Frame; step: Step }>((tie) => ({
  frame: fc.record(
    {
      opening: fc.constantFrom<Opening>(
        'REQUIRED',
        'REQUIRED',
        'NESTED',
        'NESTED',
        'savepoint',
        'MANDATORY',
        'REQUIRES_NEW',
        'transaction',
      ),
      steps: fc.array(tie('step'), { minLength: 1, maxLength: 4 }),
      end: fc.constantFrom('done', 'done', 'done', 'fails', 'sql'),
    },
    { noNullPrototype: true },
  ),
  step: fc.oneof(
    { depthSize: 'small', maxDepth: 4, withCrossShrink: true },
    fc.constant({ kind: 'row' as const }),
    fc.record({ kind: fc.constant('events' as const), count: fc.integer({ min: 1, max: 3 }) }),
    fc.constant({ kind: 'await' as const }),
    fc.record({
      kind: fc.constant('together' as const),
      writes: fc.array(fc.constantFrom('row' as const, 'event' as const), { minLength: 2, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('frame' as const), frame: tie('frame'), caught: fc.boolean() }),
    fc.record({ kind: fc.constant('frame' as const), frame: tie('frame'), caught: fc.boolean() }),
  ),
})).frame;

/** A unit that is kept or lost as a whole: a transaction or a savepoint. */
interface Unit {
  rows: string[];
  events: string[];
  /** A statement has failed in it: the database refuses all others until it is rolled back. */
  aborted: boolean;
}

class Failed extends Error {}

/**
 * What a tree leaves in the database, worked out with nothing but lists: a unit that ends well hands its lists to the one around it, and
 * one that fails drops them.
 */
export function expectedOf(tree: Frame, id: string): Expected {
  const database: Expected = { rows: [], events: [] };
  let written = 0;

  /** Names are given to all that a step writes, also where the first of it is refused already. */
  const write = (unit: Unit, ...kinds: readonly ('rows' | 'events')[]): void => {
    const named = kinds.map((kind) => ({ kind, name: `${id}.${String(++written)}` }));
    if (unit.aborted) {
      throw new Failed();
    }
    for (const { kind, name } of named) {
      unit[kind].push(name);
    }
  };

  const perform = (frame: Frame, unit: Unit): void => {
    for (const step of frame.steps) {
      switch (step.kind) {
        case 'row':
          write(unit, 'rows');
          break;
        case 'events':
          write(unit, ...Array.from({ length: step.count }, () => 'events' as const));
          break;
        case 'together':
          write(unit, ...step.writes.map((what) => (what === 'row' ? 'rows' : 'events')));
          break;
        case 'frame':
          try {
            run(step.frame, unit);
          } catch (error) {
            if (!step.caught || !(error instanceof Failed)) {
              throw error;
            }
          }
          break;
        case 'await':
          break;
      }
    }
    if (frame.end === 'sql') {
      unit.aborted = true;
    }
    if (frame.end !== 'done') {
      throw new Failed();
    }
  };

  const run = (frame: Frame, around: Unit | undefined): void => {
    const { opening } = frame;
    const isNew = around === undefined || opening === 'REQUIRES_NEW' || opening === 'transaction';
    if (around === undefined && opening === 'MANDATORY') {
      throw new Failed();
    }
    if (!isNew && (opening === 'REQUIRED' || opening === 'MANDATORY')) {
      perform(frame, around);
      return;
    }
    if (!isNew && around.aborted) {
      throw new Failed(); // No savepoint can be set any more.
    }
    const unit: Unit = { rows: [], events: [], aborted: false };
    perform(frame, unit);
    if (unit.aborted) {
      throw new Failed(); // Nobody passed the error on, but the database will not commit.
    }
    const target = isNew ? database : around;
    target.rows.push(...unit.rows);
    target.events.push(...unit.events);
  };

  try {
    run(tree, undefined);
  } catch (error) {
    if (!(error instanceof Failed)) {
      throw error;
    }
  }
  return { rows: database.rows.sort(), events: database.events.sort() };
}
