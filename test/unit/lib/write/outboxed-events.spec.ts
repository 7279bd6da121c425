import { OutboxedResultMissingError } from '../../../../lib/errors/outboxed.errors';
import type { OutboxEvent } from '../../../../lib/interfaces/outbox-event';
import { eventsOf, type OutboxedEventFields, type OutboxedEvents } from '../../../../lib/write/outboxed-events';
import { anEvent } from '../support/an-event';

type Fields = OutboxedEventFields<unknown>;

const fields: Fields = { topic: 'orders', aggregateType: 'order', eventType: 'OrderPlaced', aggregateId: '4711' };

function made(events: OutboxedEvents, result: unknown, args: unknown[] = []): readonly OutboxEvent[] {
  return eventsOf(events, result, args, 'Orders.place');
}

describe('the event of fields', () => {
  it('has the fixed values, and the result as its data', () => {
    const result = { total: 12 };
    const [event, ...others] = made(fields, result);
    expect(others).toEqual([]);
    expect(event).toEqual({ ...fields, eventData: result });
    expect(event?.eventData).toBe(result);
  });

  it('has each field from a function of the result and the arguments', () => {
    const from =
      (name: string) =>
      (result: unknown, ...args: unknown[]): string =>
        [name, result, ...args].join(' ');
    const [event] = made(
      {
        topic: from('topic'),
        aggregateType: from('type'),
        eventType: from('event'),
        aggregateId: from('id'),
        eventKey: from('key'),
        headers: (result, ...args: unknown[]) => ({ h: from('header')(result, ...args) }),
        availableAt: (_result, ...args: unknown[]) => new Date(Date.UTC(2030, args.length)),
        eventData: from('data'),
      },
      'R',
      ['a', 'b'],
    );
    expect(event).toEqual({
      topic: 'topic R a b',
      aggregateType: 'type R a b',
      eventType: 'event R a b',
      aggregateId: 'id R a b',
      eventKey: 'key R a b',
      headers: { h: 'header R a b' },
      availableAt: new Date('2030-03-01T00:00:00Z'),
      eventData: 'data R a b',
    });
  });

  it('may have a fixed key and headers', () => {
    expect(made({ ...fields, eventKey: 'k', headers: { a: 'b' } }, 1)).toEqual([
      { ...fields, eventData: 1, eventKey: 'k', headers: { a: 'b' } },
    ]);
  });

  it('may have a fixed time, or none for some results', () => {
    const availableAt = new Date('2030-01-01T00:00:00Z');
    expect(made({ ...fields, availableAt }, 1)[0]?.availableAt).toBe(availableAt);
    expect(made({ ...fields, availableAt: () => undefined }, 1)[0]?.availableAt).toBeUndefined();
  });

  it('does not carry the name of the data source into the event', () => {
    const withDataSource: Fields & { dataSource: string } = { ...fields, dataSource: 'other' };
    expect(made(withDataSource, 1)[0]).not.toHaveProperty('dataSource');
  });

  it.each([null, 0, '', false])('takes the result %j as data', (result) => {
    expect(made(fields, result)[0]?.eventData).toBe(result);
  });

  it('cannot be made of an undefined result', () => {
    expect(() => made(fields, undefined)).toThrow(OutboxedResultMissingError);
    expect(() => made(fields, undefined)).toThrow(
      /^Orders\.place returned undefined.*eventData: \(result, \.\.\.args\)/,
    );
    expect(() => made(fields, undefined)).toThrow(expect.objectContaining({ code: 'OUTBOX_RESULT_MISSING' }) as Error);
  });

  it('can be made of an undefined result where the data come from elsewhere', () => {
    const [event] = made({ ...fields, eventData: (_result, id: unknown) => ({ id }) }, undefined, ['4711']);
    expect(event?.eventData).toEqual({ id: '4711' });
  });
});

describe('the events of a function', () => {
  it('are none where it returns undefined, whatever the method has returned', () => {
    expect(made(() => undefined, undefined)).toEqual([]);
    expect(made(() => undefined, { total: 12 })).toEqual([]);
  });

  it('are one where it returns one', () => {
    expect(made(() => anEvent(), undefined)).toEqual([anEvent()]);
  });

  it('are those of the list that it returns, in its order', () => {
    const events = [anEvent({ aggregateId: 'a' }), anEvent({ aggregateId: 'b' })];
    expect(made(() => events, undefined)).toEqual(events);
    expect(made(() => [], undefined)).toEqual([]);
  });

  it('are made from the result and the arguments', () => {
    const maker = jest.fn(() => undefined);
    made(maker, 'R', ['a', 'b']);
    expect(maker.mock.calls).toEqual([['R', 'a', 'b']]);
  });
});
