import type { WrittenEvent } from '../checker/history';

/** What a writer notes of a transaction, in this order, each before it does it. */
export type WriterLine =
  /** Begun; it means to add so many events. */
  | { readonly begun: string; readonly events: number }
  /** All added, and about to commit. */
  | { readonly committing: string; readonly events: readonly WrittenEvent[]; readonly undone: number }
  /** What it was told, if it can be sure of it; and what went wrong, if that was not on purpose. */
  | { readonly told: string; readonly outcome?: 'committed' | 'rolled back'; readonly failure?: string };

/** Topic, partition and offset of a record that a consumer has handled. */
export type ConsumerLine = readonly [topic: string, partition: number, offset: number];

export const WRITER_JOURNAL = 'written-';
export const CONSUMER_JOURNAL = 'consumed-';
