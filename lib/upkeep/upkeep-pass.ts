import type { OutboxRetention } from '../config/outbox-options';
import type { ExpiredPage, Kept } from '../store/delete-expired';

/** How much a pass of the upkeep has deleted. */
export interface OutboxUpkeepResult {
  /** Delivered events. */
  readonly published: number;
  readonly deadLetters: number;
}

/** Deletes what has expired of the page after a `seq`. */
export type DeletePage = (kept: Kept, keptSeconds: number, after: string) => Promise<ExpiredPage>;

/** Every `seq` is above it. */
const BEGINNING = '0';

/**
 * Deletes all that has been kept long enough, page by page. After each page it rests as long as that took, so that it takes half of the time of one
 * connection at most.
 *
 * @param clock milliseconds that never jump
 */
export async function upkeepPass(
  deletePage: DeletePage,
  retention: OutboxRetention,
  clock: () => number,
  stopping: AbortSignal,
): Promise<OutboxUpkeepResult> {
  const walk = async (kept: Kept, keptSeconds: number): Promise<number> => {
    let deleted = 0;
    let after: string | null = BEGINNING;
    while (after !== null && !stopping.aborted) {
      const began = clock();
      const page: ExpiredPage = await deletePage(kept, keptSeconds, after);
      deleted += page.deleted;
      after = page.next;
      if (after !== null) {
        await pause(clock() - began, stopping);
      }
    }
    return deleted;
  };
  const { publishedHours, deadLetterDays } = retention;
  return {
    published: await walk('published', publishedHours * 3600),
    deadLetters: deadLetterDays === null ? 0 : await walk('deadLetters', deadLetterDays * 86_400),
  };
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
