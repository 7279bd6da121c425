const LENGTH_BYTES = 4;
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;

/** Finds the messages in what a client sends to PostgreSQL (its manual: "Message Formats"), in whatever pieces it comes. */
export class FrontendMessages {
  /** The beginning of a message, until its length is known. */
  private head = Buffer.alloc(0);
  /** Bytes of the present message that are still to come. */
  private toSkip = 0;
  private started = false;

  /** @param onMessage takes the type of each, one letter */
  constructor(private readonly onMessage: (type: string) => void) {}

  read(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      const skipped = Math.min(this.toSkip, rest.length);
      this.toSkip -= skipped;
      rest = rest.subarray(skipped);
      // Before the start-up message there is no letter, and what tells the messages apart comes after the length.
      const wanted = (this.started ? 1 : LENGTH_BYTES) + LENGTH_BYTES - this.head.length;
      this.head = Buffer.concat([this.head, rest.subarray(0, wanted)]);
      if (rest.length >= wanted) {
        this.begin();
      }
      rest = rest.subarray(wanted);
    }
  }

  private begin(): void {
    const { head } = this;
    this.head = Buffer.alloc(0);
    if (this.started) {
      this.onMessage(String.fromCharCode(head[0] ?? 0));
      this.toSkip = head.readInt32BE(1) - LENGTH_BYTES;
      return;
    }
    const code = head.readInt32BE(LENGTH_BYTES);
    this.started = code !== SSL_REQUEST && code !== GSS_REQUEST;
    this.toSkip = head.readInt32BE(0) - head.length;
  }
}
