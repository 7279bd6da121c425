/** More event types than this are counted as `other`: each is a time series of its own in every process. */
const MOST_EVENT_TYPES = 100;
const OTHER = 'other';

/** Bounds the values of the label `event_type`. */
export class EventTypeLabel {
  private readonly known = new Set<string>();

  /** @param isWanted whether the label is wanted at all; it is empty otherwise */
  constructor(private readonly isWanted: boolean) {}

  of(eventType: string): string {
    if (!this.isWanted) {
      return '';
    }
    if (this.known.has(eventType) || this.known.size < MOST_EVENT_TYPES) {
      this.known.add(eventType);
      return eventType;
    }
    return OTHER;
  }
}
