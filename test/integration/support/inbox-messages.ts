import type { InboxBatchPayload, InboxPayload, InboxPayloadMessage } from 'nestjs-outboxed';

/** What matters of a record in a test. */
export interface GivenRecord {
  /** Its id, as the outbox sends it. */
  id?: string;
  /** Beside that. */
  headers?: Readonly<Record<string, string>>;
  topic?: string;
  partition?: number;
  offset?: string;
  /** In milliseconds; Kafka gives -1 where it has none. Default: now. */
  timestamp?: string;
  key?: Buffer | string | null;
  value?: Buffer | string | null;
}

/** A record as kafkajs calls `eachMessage` with it. */
export function aRecord({ topic = 'orders', partition = 0, ...given }: GivenRecord = {}): InboxPayload {
  return { topic, partition, message: aMessage(given) };
}

/** The same, as it stands in a batch. */
export function aMessage({
  id,
  headers = {},
  offset = '0',
  timestamp = String(Date.now()),
  key = 'key-1',
  value = '{"n":1}',
}: GivenRecord = {}): InboxPayloadMessage {
  const all = id === undefined ? headers : { ...headers, ce_id: id };
  return {
    offset,
    key: bytes(key),
    value: bytes(value),
    headers: Object.fromEntries(Object.entries(all).map(([name, header]) => [name, Buffer.from(header)])),
    timestamp,
  };
}

/** The id of a record that was made here. */
export function idOf({ headers }: InboxPayloadMessage): string {
  const id = headers?.['ce_id'];
  return Buffer.isBuffer(id) ? id.toString() : '';
}

/** What kafkajs calls `eachBatch` with: it keeps what it was told. */
export class GivenBatch implements InboxBatchPayload {
  readonly batch: InboxBatchPayload['batch'];
  readonly resolved: string[] = [];
  heartbeats = 0;
  running = true;
  stale = false;

  /** @param records their ids, or more of them; their offsets count from 0 on unless they say otherwise */
  constructor(records: readonly (string | GivenRecord)[], partition = 0, topic = 'orders') {
    const messages = records.map((record, n) =>
      aMessage({ offset: String(n), ...(typeof record === 'string' ? { id: record } : record) }),
    );
    this.batch = { topic, partition, messages };
  }

  resolveOffset(offset: string): void {
    this.resolved.push(offset);
  }

  heartbeat(): Promise<void> {
    this.heartbeats++;
    return Promise.resolve();
  }

  isRunning(): boolean {
    return this.running;
  }

  isStale(): boolean {
    return this.stale;
  }
}

function bytes(text: Buffer | string | null): Buffer | null {
  return typeof text === 'string' ? Buffer.from(text) : text;
}
