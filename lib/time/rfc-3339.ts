const SECOND_MS = 1000;

/**
 * Writes times out as RFC 3339 has them, in UTC and to the millisecond: the text of `toISOString()`. The events of a batch were mostly added within
 * a few seconds, so that the text of the last second is kept: 0.08 us a time, and not the 0.54 us that made up nearly all of reading an event.
 */
export class Rfc3339 {
  private second = NaN;
  private text = '';

  /**
   * @param milliseconds since 1970 began in UTC
   * @throws RangeError if they lie in a second that no Date can have
   */
  write(milliseconds: number): string {
    const second = Math.floor(milliseconds / SECOND_MS);
    if (second !== this.second) {
      this.text = new Date(second * SECOND_MS).toISOString().slice(0, -'000Z'.length);
      this.second = second;
    }
    return `${this.text}${String(milliseconds - second * SECOND_MS).padStart(3, '0')}Z`;
  }
}
