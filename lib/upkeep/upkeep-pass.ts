import type { OutboxRetention } from '../config/outbox-options';
import type { ExpiredPage, Kept } from '../store/delete-expired';

/** How much a pass of the upkeep has deleted. */
export interface OutboxUpkeepResult {
  /** Delivered events. */
  readonly published: number;
  readonly deadLetters: number;
  /** Records of handled messages. */
  readonly inbox: number;
  readonly inboxDeadLetters: number;
}

/** Deletes what has expired of the page after a `seq`. */
export type DeletePage = (kept: Kept | 'inbox', keptSeconds: number, after: string) => Promise<ExpiredPage>;

const DAY_SECONDS = 86_400;

/** Every `seq` is above it. */
const BEGINNING = '0';

/**
 * How much longer than a walk over pages without anything to delete the next such walk waits. A million events that are pending, and were added
 * before the cutoff, take 10 s of a connection to walk over, which each minute would be a sixth of its time, for nothing.
 */
const REST_AFTER_WALK_IN_VAIN = 60;

/**
 * Deletes all that has been kept long enough, page by page. After each page it rests as long as that took, so that it takes half of the time of one
 * connection at most. A pass goes on where the one before had to end: after an outage of the database, or where another process was at it.
 */
export class UpkeepPass {
  private readonly walks: Readonly<Record<keyof OutboxUpkeepResult, Walk | null>>;

  /** @param clock milliseconds that never jump */
  constructor(
    deletePage: DeletePage,
    { publishedHours, deadLetterDays, inboxDays }: OutboxRetention,
    private readonly clock: () => number,
  ) {
    const walk = (kept: Kept | 'inbox', keptSeconds: number): Walk =>
      new Walk((after) => deletePage(kept, keptSeconds, after), clock);
    this.walks = {
      published: walk('published', publishedHours * 3600),
      deadLetters: deadLetterDays === null ? null : walk('deadLetters', deadLetterDays * DAY_SECONDS),
      inbox: walk('inbox', inboxDays * DAY_SECONDS),
      inboxDeadLetters: deadLetterDays === null ? null : walk('inboxDeadLetters', deadLetterDays * DAY_SECONDS),
    };
  }

  /** @param isAsked whether somebody wants it now; else it is left out as long as it would most likely be in vain */
  async run(stopping: AbortSignal, isAsked: boolean): Promise<OutboxUpkeepResult> {
    const deleted = { published: 0, deadLetters: 0, inbox: 0, inboxDeadLetters: 0 };
    for (const [kept, walk] of Object.entries(this.walks) as [keyof OutboxUpkeepResult, Walk | null][]) {
      if (walk !== null && (isAsked || this.clock() >= walk.dueAt)) {
        deleted[kept] = await walk.run(stopping);
      }
    }
    return deleted;
  }
}

/** The walk over one of the tables. */
class Walk {
  /** When it is worth it again. */
  dueAt = -Infinity;
  /** Where it goes on; null: at the beginning. */
  private after: string | null = null;
  private inVainMs = 0;

  constructor(
    private readonly deletePage: (after: string) => Promise<ExpiredPage>,
    private readonly clock: () => number,
  ) {}

  /** Returns how many it has deleted. */
  async run(stopping: AbortSignal): Promise<number> {
    let deleted = 0;
    while (!stopping.aborted) {
      const began = this.clock();
      const page = await this.deletePage(this.after ?? BEGINNING);
      if (page.busy) {
        break;
      }
      const took = this.clock() - began;
      deleted += page.deleted;
      this.inVainMs += page.deleted === 0 ? took : 0;
      this.after = page.next;
      if (page.next === null) {
        this.dueAt = this.clock() + this.inVainMs * REST_AFTER_WALK_IN_VAIN;
        this.inVainMs = 0;
        break;
      }
      await pause(took, stopping);
    }
    return deleted;
  }
}

function pause(milliseconds: number, stopping: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stopping.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      stopping.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    stopping.addEventListener('abort', end);
  });
}
