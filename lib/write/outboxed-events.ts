import { OutboxedResultMissingError } from '../errors/outboxed.errors';
import type { OutboxEvent } from '../interfaces/outbox-event';

/** A value, or how to get it from what the method returned and was called with. */
export type OutboxedField<Value, Result, Args extends unknown[]> = Value | ((result: Result, ...args: Args) => Value);

/** The event of a declarative `@Outboxed({...})`, field by field. */
export interface OutboxedEventFields<Result, Args extends unknown[]> {
  topic: OutboxedField<string, Result, Args>;
  aggregateType: OutboxedField<string, Result, Args>;
  eventType: OutboxedField<string, Result, Args>;
  aggregateId: OutboxedField<string, Result, Args>;
  /** Default: what the method returned. */
  eventData?: ((result: Result, ...args: Args) => unknown) | undefined;
  /** Default: the aggregate id. */
  eventKey?: OutboxedField<string, Result, Args> | undefined;
  headers?: OutboxedField<Readonly<Record<string, string>>, Result, Args> | undefined;
}

/** The events of a method, made in one piece; undefined or an empty list: none. */
export type OutboxedEventFunction<Result, Args extends unknown[]> = (
  result: Result,
  ...args: Args
) => OutboxEvent | readonly OutboxEvent[] | undefined;

/** How the events of a decorated method come about. */
export type OutboxedEvents = OutboxedEventFields<unknown, unknown[]> | OutboxedEventFunction<unknown, unknown[]>;

/** The events of one call. @throws OutboxedResultMissingError if the data is to be the result, and there is none */
export function eventsOf(
  events: OutboxedEvents,
  result: unknown,
  args: unknown[],
  method: string,
): readonly OutboxEvent[] {
  if (typeof events === 'function') {
    const made = events(result, ...args);
    return made === undefined ? [] : isList(made) ? made : [made];
  }
  if (result === undefined && events.eventData === undefined) {
    throw new OutboxedResultMissingError(method);
  }
  const valueOf = <Value>(field: OutboxedField<Value, unknown, unknown[]>): Value =>
    typeof field === 'function' ? (field as (result: unknown, ...args: unknown[]) => Value)(result, ...args) : field;
  return [
    {
      topic: valueOf(events.topic),
      aggregateType: valueOf(events.aggregateType),
      eventType: valueOf(events.eventType),
      aggregateId: valueOf(events.aggregateId),
      eventData: events.eventData === undefined ? result : events.eventData(result, ...args),
      eventKey: valueOf(events.eventKey),
      headers: valueOf(events.headers),
    },
  ];
}

function isList(made: OutboxEvent | readonly OutboxEvent[]): made is readonly OutboxEvent[] {
  return Array.isArray(made);
}
