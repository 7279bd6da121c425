import { OutboxedResultMissingError } from '../errors/outboxed.errors';
/* eslint-disable @typescript-eslint/no-explicit-any -- the method's arguments: a decorator cannot infer them from the method that it is
   put on, and functions that take fewer of them must be allowed side by side */
import type { OutboxEvent } from '../interfaces/outbox-event';

/** A value, or how to get it from what the method returned and was called with. */
export type OutboxedField<Value, Result> = Value | ((result: Result, ...args: any[]) => Value);

/** The event of a declarative `@Outboxed({...})`, field by field. */
export interface OutboxedEventFields<Result> {
  topic: OutboxedField<string, Result>;
  aggregateType: OutboxedField<string, Result>;
  eventType: OutboxedField<string, Result>;
  aggregateId: OutboxedField<string, Result>;
  /** Default: what the method returned. */
  eventData?: ((result: Result, ...args: any[]) => unknown) | undefined;
  /** Default: the aggregate id. */
  eventKey?: OutboxedField<string, Result> | undefined;
  headers?: OutboxedField<Readonly<Record<string, string>>, Result> | undefined;
  /** Default, also where a function gives undefined: at once. */
  availableAt?: OutboxedField<Date | undefined, Result> | undefined;
}

/** The events of a method, made in one piece; undefined or an empty list: none. */
export type OutboxedEventFunction<Result> = (
  result: Result,
  ...args: any[]
) => OutboxEvent | readonly OutboxEvent[] | undefined;

/** How the events of a decorated method come about. */
export type OutboxedEvents = OutboxedEventFields<unknown> | OutboxedEventFunction<unknown>;

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
  const valueOf = <Value>(field: OutboxedField<Value, unknown>): Value =>
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
      availableAt: valueOf(events.availableAt),
    },
  ];
}

function isList(made: OutboxEvent | readonly OutboxEvent[]): made is readonly OutboxEvent[] {
  return Array.isArray(made);
}
