import { Injectable, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { OutboxArgumentInvalidError, OutboxEventInvalidError } from '../../../../lib/errors/event.errors';
import type { OutboxEvent } from '../../../../lib/interfaces/outbox-event';
import { OutboxTestingModule, TestingOutboxRepository } from '../../../../lib/testing';
import { TestingTransactions } from '../../../../lib/testing/testing-transactions';
import { getOutboxToken } from '../../../../lib/write/outbox-tokens';
import { OutboxRepository } from '../../../../lib/write/outbox.repository';
import { Outboxed } from '../../../../lib/write/outboxed.decorator';
import { anEvent } from '../support/an-event';
import { MockOutboxRepository } from '../support/mock-outbox.repository';
import { thrown } from '../support/thrown';

@Injectable()
class Orders {
  constructor(private readonly outbox: OutboxRepository) {}

  @Outboxed()
  async place(aggregateId: string): Promise<string> {
    return this.outbox.addEvent(anEvent({ aggregateId }));
  }

  @Outboxed()
  async placeAndFail(aggregateId: string): Promise<void> {
    await this.outbox.addEvent(anEvent({ aggregateId }));
    throw new Error('no stock');
  }

  @Outboxed()
  async placeBothAndForgive(aggregateId: string): Promise<void> {
    await this.outbox.addEvent(anEvent({ aggregateId }));
    await this.placeAndFail(`inner-${aggregateId}`).catch(() => undefined);
  }

  @Outboxed()
  async placeWhen(aggregateId: string, gate: Promise<void>): Promise<void> {
    await gate;
    await this.outbox.addEvent(anEvent({ aggregateId }));
  }

  @Outboxed(() => anEvent({ aggregateId: 'declared' }))
  async declare(): Promise<void> {
    return Promise.resolve();
  }
}

@Module({ providers: [Orders], exports: [Orders] })
class OrdersModule {}

describe('OutboxTestingModule', () => {
  let module: TestingModule | undefined;
  afterEach(() => module?.close());

  async function start(): Promise<{ orders: Orders; outbox: TestingOutboxRepository }> {
    module = await Test.createTestingModule({ imports: [OutboxTestingModule.forRoot(), OrdersModule] }).compile();
    return { orders: module.get(Orders), outbox: module.get<TestingOutboxRepository>(OutboxRepository) };
  }

  const added = (outbox: TestingOutboxRepository): string[] => outbox.events.map(({ aggregateId }) => aggregateId);

  it('serves all modules of the test, and keeps the events in order with their ids', async () => {
    const { orders, outbox } = await start();
    const first = await orders.place('a');
    const second = await orders.place('b');
    expect(outbox.events).toEqual([
      { ...anEvent({ aggregateId: 'a' }), id: first },
      { ...anEvent({ aggregateId: 'b' }), id: second },
    ]);
  });

  it('keeps the time from which on an event may be delivered, as it was given', async () => {
    const { outbox } = await start();
    const availableAt = new Date('2030-01-01T00:00:00Z');
    await outbox.addEvents([anEvent({ availableAt }), anEvent()]);
    availableAt.setFullYear(2031);
    expect(outbox.events[0]?.availableAt).toEqual(new Date('2030-01-01T00:00:00Z'));
    expect(outbox.events[1]).not.toHaveProperty('availableAt');
    await thrown(OutboxEventInvalidError, () => outbox.addEvent(anEvent({ availableAt: new Date('soon') })));
  });

  it('keeps the outboxes of two tests apart', async () => {
    const { orders } = await start();
    await orders.place('a');
    const other = await Test.createTestingModule({ imports: [OutboxTestingModule.forRoot(), OrdersModule] }).compile();
    expect(other.get<TestingOutboxRepository>(OutboxRepository).events).toEqual([]);
    await other.close();
  });

  it('can forget what was added', async () => {
    const { orders, outbox } = await start();
    await orders.place('a');
    outbox.clear();
    await orders.place('b');
    expect(added(outbox)).toEqual(['b']);
  });

  it('takes back what a failing method has added, and no more', async () => {
    const { orders, outbox } = await start();
    await orders.place('a');
    await expect(orders.placeAndFail('b')).rejects.toThrow('no stock');
    expect(added(outbox)).toEqual(['a']);
  });

  it('keeps what others have added while a method fails', async () => {
    const { orders, outbox } = await start();
    let open = (): void => undefined;
    const gate = new Promise<void>((_resolve, reject) => {
      open = () => reject(new Error('no stock'));
    });
    const failing = orders.placeWhen('failing', gate);
    await orders.place('a');
    open();
    await expect(failing).rejects.toThrow('no stock');
    expect(added(outbox)).toEqual(['a']);
  });

  it('keeps what an inner method has added if the outer one goes on, as the one transaction of both would', async () => {
    const { orders, outbox } = await start();
    await orders.placeBothAndForgive('a');
    expect(added(outbox)).toEqual(['a', 'inner-a']);
  });

  it('stands in for a data source by its name', async () => {
    @Injectable()
    class Bills {
      @Outboxed({ dataSource: 'billing', topic: 't', aggregateType: 'bill', eventType: 'Billed', aggregateId: '1' })
      async bill(): Promise<string> {
        return Promise.resolve('billed');
      }
    }
    module = await Test.createTestingModule({
      imports: [OutboxTestingModule.forRoot({ dataSource: 'billing' })],
      providers: [Bills],
    }).compile();
    await module.get(Bills).bill();
    expect(module.get<TestingOutboxRepository>(getOutboxToken('billing')).events).toHaveLength(1);
    expect(() => module?.get<unknown>(OutboxRepository)).toThrow();
  });

  it('lets a mock take the place of the outbox', async () => {
    const mock = new MockOutboxRepository();
    mock.addEvent.mockResolvedValue('mocked id');
    mock.addEvents.mockResolvedValue(['mocked id']);
    module = await Test.createTestingModule({ imports: [OutboxTestingModule.forRoot(), OrdersModule] })
      .overrideProvider(OutboxRepository)
      .useValue(mock)
      .compile();
    const orders = module.get(Orders);
    await expect(orders.place('a')).resolves.toBe('mocked id');
    await orders.declare();
    expect(mock.addEvent.mock.calls).toEqual([[anEvent({ aggregateId: 'a' })]]);
    expect(mock.addEvents.mock.calls).toEqual([[[anEvent({ aggregateId: 'declared' })]]]);
  });

  it('lets a mock refuse, and the method fail by it', async () => {
    const mock = { addEvent: jest.fn().mockRejectedValue(new Error('refused')) };
    module = await Test.createTestingModule({ imports: [OutboxTestingModule.forRoot(), OrdersModule] })
      .overrideProvider(OutboxRepository)
      .useValue(mock)
      .compile();
    await expect(module.get(Orders).place('a')).rejects.toThrow('refused');
  });
});

describe('the outbox of tests', () => {
  let outbox: TestingOutboxRepository;
  beforeEach(() => {
    outbox = new TestingOutboxRepository(new TestingTransactions('default'));
  });

  it('checks events as the real one does, and adds none of a list with a fault', async () => {
    const wrong = anEvent({ topic: 'two words', eventData: NaN });
    const error = await thrown(OutboxEventInvalidError, () => outbox.addEvents([anEvent(), wrong]));
    expect(error.faults).toEqual([
      expect.stringMatching(/^events\[1\]\.topic/),
      expect.stringMatching(/^events\[1\]\.eventData cannot be carried by JSON/),
    ]);
    await expect(outbox.addEvent(wrong)).rejects.toThrow(OutboxEventInvalidError);
    expect(outbox.events).toEqual([]);
  });

  it('rejects, and does not throw, what a program without types may give', async () => {
    const returned = outbox.addEvents(undefined as unknown as OutboxEvent[]);
    await expect(returned).rejects.toThrow('must be a list');
  });

  it('limits the size of the data as the real one does by default', async () => {
    await expect(outbox.addEvent(anEvent({ eventData: 'x'.repeat(999_998) }))).resolves.toEqual(expect.any(String));
    await expect(outbox.addEvent(anEvent({ eventData: 'x'.repeat(999_999) }))).rejects.toThrow('at most 1000000');
  });

  it('gives ids as the real one does', async () => {
    const id = '0198C5A4-6F2B-7C3E-8A1D-2B3C4D5E6F70';
    await expect(outbox.addEvents([anEvent({ id }), anEvent()])).resolves.toEqual([
      id.toLowerCase(),
      expect.stringMatching(/^[0-9a-f-]{14}7/),
    ]);
    expect(outbox.events[0]?.id).toBe(id.toLowerCase());
  });

  it('has no stored rows', async () => {
    const id = await outbox.addEvent(anEvent());
    await expect(outbox.getEventById(id)).resolves.toBeNull();
    await expect(outbox.getUnpublishedEvents()).resolves.toEqual([]);
  });

  it('refuses an id that is no UUID as the real one does', async () => {
    await expect(outbox.getEventById('4711')).rejects.toThrow(OutboxArgumentInvalidError);
  });

  it('counts what was added as pending', async () => {
    await outbox.addEvents([anEvent(), anEvent()]);
    await expect(outbox.stats()).resolves.toEqual({
      pending: 2,
      failing: 0,
      delayed: 0,
      published: 0,
      deadLetters: 0,
      oldestPendingSeconds: 0,
    });
  });
});
