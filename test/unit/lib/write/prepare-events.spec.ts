import { validate, version } from 'uuid';
import { OutboxEventInvalidError } from '../../../../lib/errors/event.errors';
import type { OutboxEvent } from '../../../../lib/interfaces/outbox-event';
import type { NewEvent } from '../../../../lib/store/insert-events';
import { prepareEvents } from '../../../../lib/write/prepare-events';
import { anEvent, anEventWithout } from '../support/an-event';

const MAX_BYTES = 1_000_000;
const ID = '0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f70';

function prepareOne(changes: Partial<OutboxEvent> = {}, maxEventBytes = MAX_BYTES): NewEvent {
  const [prepared, ...others] = prepareEvents([anEvent(changes)], maxEventBytes);
  expect(others).toEqual([]);
  return prepared as NewEvent;
}

function faultsOf(events: unknown, maxEventBytes = MAX_BYTES): readonly string[] {
  try {
    prepareEvents(events as OutboxEvent[], maxEventBytes);
  } catch (error) {
    expect(error).toBeInstanceOf(OutboxEventInvalidError);
    return (error as OutboxEventInvalidError).faults;
  }
  return [];
}

describe('a prepared event', () => {
  it('is what the table holds', () => {
    expect(prepareOne({ id: ID, eventKey: 'customer-1', headers: { tenant: 'a' } })).toEqual({
      id: ID,
      aggregateType: 'order',
      aggregateId: '4711',
      eventType: 'OrderPlaced',
      topic: 'orders',
      eventKey: 'customer-1',
      eventData: '{"total":12}',
      headers: '{"tenant":"a"}',
      availableAt: null,
    });
  });

  it('has the aggregate id as its ordering key where none is given', () => {
    expect(prepareOne({ aggregateId: 'a-1' }).eventKey).toBe('a-1');
  });

  it.each([undefined, {}])('has no headers where they are %j', (headers) => {
    expect(prepareOne({ headers }).headers).toBeNull();
  });

  it('has its time as text in UTC, as it was when it was prepared', () => {
    const availableAt = new Date('2030-06-01T12:00:00.123+02:00');
    const prepared = prepareOne({ availableAt });
    availableAt.setFullYear(2031);
    expect(prepared.availableAt).toBe('2030-06-01T10:00:00.123Z');
  });

  it('gets a new UUIDv7 where no id is given', () => {
    const { id } = prepareOne();
    expect(validate(id)).toBe(true);
    expect(version(id)).toBe(7);
    expect(prepareOne().id).not.toBe(id);
  });

  it('gets ids that sort in the order of the events', () => {
    const ids = prepareEvents(
      Array.from({ length: 500 }, () => anEvent()),
      MAX_BYTES,
    ).map(({ id }) => id);
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(500);
  });

  it('has its id in lower case, as PostgreSQL will give it back', () => {
    expect(prepareOne({ id: ID.toUpperCase() }).id).toBe(ID);
  });

  it('holds the data as they were when it was prepared', () => {
    const eventData = { total: 12 };
    const prepared = prepareOne({ eventData });
    eventData.total = 13;
    expect(prepared.eventData).toBe('{"total":12}');
  });

  it.each([
    [null, 'null'],
    [{}, '{}'],
    [[], '[]'],
    ['', '""'],
    [0, '0'],
    [false, 'false'],
  ])('may have the data %j', (eventData, text) => {
    expect(prepareOne({ eventData }).eventData).toBe(text);
  });
});

describe('a list of events', () => {
  it('may be empty', () => {
    expect(prepareEvents([], MAX_BYTES)).toEqual([]);
  });

  it('keeps its order', () => {
    const events = ['a', 'b', 'c'].map((aggregateId) => anEvent({ aggregateId }));
    expect(prepareEvents(events, MAX_BYTES).map(({ aggregateId }) => aggregateId)).toEqual(['a', 'b', 'c']);
  });

  it.each([
    [undefined, 'undefined'],
    ['text', 'string'],
    [anEvent(), 'object'],
    [new Set([anEvent()]), 'object'],
  ])('must be a list, not %p', (events, type) => {
    expect(faultsOf(events)).toEqual([`the events are of type ${type}, and must be a list`]);
  });

  it('must hold objects', () => {
    expect(faultsOf([null])).toEqual(['the event is null, and must be an object']);
    expect(faultsOf(['text'])).toEqual(['the event is of type string, and must be an object']);
    expect(faultsOf([anEvent(), undefined, 7])).toEqual([
      'events[1] is of type undefined, and must be an object',
      'events[2] is of type number, and must be an object',
    ]);
  });
});

describe('the data', () => {
  it('are missed', () => {
    const fault = 'eventData is missing; for an event without data give null or {}';
    expect(faultsOf([anEventWithout('eventData')])).toEqual([fault]);
    expect(faultsOf([anEvent({ eventData: undefined })])).toEqual([fault]);
  });

  it('must be what JSON carries', () => {
    expect(faultsOf([anEvent({ eventData: { total: NaN } })])).toEqual([
      'eventData cannot be carried by JSON: its property "total" is NaN',
    ]);
  });

  it('may have maxEventBytes as JSON text, and no more', () => {
    const eventData = 'x'.repeat(98);
    expect(prepareOne({ eventData }, 100).eventData).toHaveLength(100);
    expect(faultsOf([anEvent({ eventData })], 99)).toEqual([
      expect.stringMatching(
        /^eventData has 100 bytes as JSON, and must have at most 99 \(option maxEventBytes\): send a reference/,
      ),
    ]);
  });

  it('are counted in bytes of UTF-8, not in characters', () => {
    const eventData = '\u{1F4E6}'.repeat(10);
    expect(prepareOne({ eventData }, 42).eventData).toBe(`"${eventData}"`);
    expect(faultsOf([anEvent({ eventData })], 41)).toEqual([expect.stringContaining('eventData has 42 bytes')]);
  });

  it('are not shown', () => {
    const eventData = { password: 'hunter2', again: NaN };
    expect(faultsOf([anEvent({ eventData })]).join()).not.toContain('hunter2');
    expect(faultsOf([anEvent({ eventData: { password: 'hunter2' } })], 5).join()).not.toContain('hunter2');
  });
});

describe('ids that stand twice in one call', () => {
  it('are refused, in whatever case they are written', () => {
    expect(faultsOf([anEvent({ id: ID }), anEvent(), anEvent({ id: ID.toUpperCase() }), anEvent({ id: ID })])).toEqual([
      `events[2].id ${ID} stands twice in this call, and must be unique`,
      `events[3].id ${ID} stands twice in this call, and must be unique`,
    ]);
  });

  it('are named beside the faults of other events', () => {
    const faults = faultsOf([anEvent({ topic: '..' }), anEvent({ id: ID }), anEvent({ id: ID })]);
    expect(faults).toEqual([
      expect.stringMatching(/^events\[0\]\.topic/),
      `events[2].id ${ID} stands twice in this call, and must be unique`,
    ]);
  });
});

describe('the error', () => {
  it('names every fault of every event with its place', () => {
    const faults = faultsOf([
      anEvent({ aggregateId: '', eventData: 1n }),
      anEvent(),
      anEvent({ topic: '.', headers: { CE_ID: 'x' }, id: 'x' }),
      anEvent({ eventData: undefined }),
    ]);
    expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
      'events[0].aggregateId',
      'events[0].eventData',
      'events[2].topic',
      'events[2].headers["CE_ID"]',
      'events[2].id',
      'events[3].eventData',
    ]);
    const error = new OutboxEventInvalidError(faults);
    expect(error.message.split('\n')).toEqual([
      'Nothing was added to the outbox:',
      ...faults.map((fault) => `  - ${fault}`),
    ]);
  });

  it('does not count the place of an only event', () => {
    expect(faultsOf([anEvent({ topic: '.' })])).toEqual([expect.stringMatching(/^topic is "\."/)]);
  });

  it('has a code', () => {
    expect(() => prepareEvents([anEvent({ id: 'x' })], MAX_BYTES)).toThrow(
      expect.objectContaining({ code: 'OUTBOX_EVENT_INVALID' }) as Error,
    );
  });
});
