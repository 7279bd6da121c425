import { v7 as uuidv7 } from 'uuid';
import { OutboxEventInvalidError } from '../errors/event.errors';
import type { OutboxEvent } from '../interfaces/outbox-event';
import type { NewEvent } from '../store/insert-events';
import { fieldFaults } from './event-rules';
import { jsonText } from './json-text';

/**
 * Checks events and turns them into what is stored.
 *
 * @param maxEventBytes largest payload, in bytes of UTF-8
 * @throws OutboxEventInvalidError with all faults of all events
 */
export function prepareEvents(events: readonly OutboxEvent[], maxEventBytes: number): NewEvent[] {
  const given: unknown = events;
  if (!Array.isArray(given)) {
    throw new OutboxEventInvalidError([`the events are of type ${typeof events}, and must be a list`]);
  }
  const faults: string[] = [];
  const prepared = events.flatMap((event, index) => {
    const place = events.length === 1 ? 'the event' : `events[${index}]`;
    if (typeof event !== 'object' || event === null) {
      faults.push(`${place} is ${event === null ? 'null' : `of type ${typeof event}`}, and must be an object`);
      return [];
    }
    const prefix = events.length === 1 ? '' : `${place}.`;
    faults.push(...[...fieldFaults({ ...event })].map((fault) => prefix + fault));
    const data = eventData(event.eventData, maxEventBytes);
    if ('fault' in data) {
      faults.push(prefix + data.fault);
      return [];
    }
    return faults.length > 0 ? [] : [toNewEvent(event, data.text)];
  });
  faults.push(...repeatedIds(events));
  if (faults.length > 0) {
    throw new OutboxEventInvalidError(faults);
  }
  return prepared;
}

function toNewEvent(event: OutboxEvent, eventData: string): NewEvent {
  const headers =
    event.headers !== undefined && Object.keys(event.headers).length > 0 ? JSON.stringify(event.headers) : null;
  return {
    // PostgreSQL gives a uuid back in lower case; the caller gets the id that consumers will see.
    id: event.id?.toLowerCase() ?? uuidv7(),
    aggregateType: event.aggregateType,
    aggregateId: event.aggregateId,
    eventType: event.eventType,
    topic: event.topic,
    eventKey: event.eventKey ?? event.aggregateId,
    eventData,
    headers,
    // As text, which no parser or time zone of the application's changes.
    availableAt: event.availableAt?.toISOString() ?? null,
  };
}

function eventData(data: unknown, maxEventBytes: number): { text: string } | { fault: string } {
  if (data === undefined) {
    return { fault: 'eventData is missing; for an event without data give null or {}' };
  }
  const json = jsonText(data);
  if ('fault' in json) {
    return { fault: `eventData cannot be carried by JSON: ${json.fault}` };
  }
  const fault = sizeFault(json.text, maxEventBytes);
  return fault === undefined ? json : { fault };
}

/** What is wrong with the size of a payload, if anything is. */
export function sizeFault(json: string, maxEventBytes: number): string | undefined {
  const bytes = Buffer.byteLength(json);
  return bytes <= maxEventBytes
    ? undefined
    : `eventData has ${bytes} bytes as JSON, and must have at most ${maxEventBytes} (option maxEventBytes): send a reference ` +
        'to the data, or raise the option together with the limits of broker and consumers';
}

function repeatedIds(events: readonly (OutboxEvent | null | undefined)[]): string[] {
  const seen = new Set<string>();
  return events.flatMap((event, index) => {
    const id = typeof event?.id === 'string' ? event.id.toLowerCase() : undefined;
    if (id === undefined) {
      return [];
    }
    const repeated = seen.has(id);
    seen.add(id);
    return repeated ? [`events[${index}].id ${id} stands twice in this call, and must be unique`] : [];
  });
}
