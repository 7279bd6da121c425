/** An event as a service adds it. It is stored in the current transaction and delivered after its commit. */
export interface OutboxEvent {
  /** Kind of the thing that the event is about, such as `order`; 1 to 100 characters. */
  aggregateType: string;
  /** Which one it is about; 1 to 255 characters. CloudEvents `subject`. */
  aggregateId: string;
  /** What happened, such as `OrderPlaced`; 1 to 255 characters. CloudEvents `type`. */
  eventType: string;
  /** Kafka topic: 1 to 249 of the characters `a-z A-Z 0-9 . _ -` (Kafka's own rule for topic names). */
  topic: string;
  /**
   * What happened to it, as anything that JSON carries without loss. It is turned into text when the event is added; later
   * changes to the object have no effect, and every delivery carries the same bytes.
   */
  eventData: unknown;
  /**
   * Ordering key, and key of the Kafka record; 1 to 255 characters. Default: `aggregateId`. Events of one key are delivered
   * in the order in which their transactions committed.
   */
  eventKey?: string | undefined;
  /** Headers of the Kafka record, beside those that the outbox sets (`ce_*`, `content-type`, trace context). */
  headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Not delivered before this time, by the database's clock; from 1970 to 9999. Until then it holds nobody up: it takes its place in its
   * key's order when it is due. A time that has passed makes no difference. Default: at once.
   */
  availableAt?: Date | undefined;
  /** Identity by which consumers recognise a redelivery. Default: a new UUIDv7 (RFC 9562). */
  id?: string | undefined;
}
