import { Controller, Injectable, SetMetadata, type Provider, type Type } from '@nestjs/common';
import {
  Ctx,
  EventPattern,
  KafkaContext,
  KafkaRetriableException,
  MessagePattern,
  Payload,
} from '@nestjs/microservices';
import { Test, type TestingModule } from '@nestjs/testing';
import { of } from 'rxjs';
import {
  InboxMessageIdMissingError,
  InboxMessageNotFoundError,
  InboxOptionsInvalidError,
} from '../../../../lib/errors/inbox.errors';
import {
  OutboxedMisplacedError,
  OutboxedResultUnsupportedError,
  OutboxNotRegisteredError,
} from '../../../../lib/errors/outboxed.errors';
import { IdempotentConsumer } from '../../../../lib/inbox/idempotent-consumer.decorator';
import { Inbox } from '../../../../lib/inbox/inbox';
import { getInboxToken } from '../../../../lib/inbox/inbox-tokens';
import type {
  InboxBatchOutcome,
  InboxConsumerOptions,
  InboxOutcome,
  InboxPayload,
} from '../../../../lib/interfaces/inbox-message';
import { OutboxTestingModule, TestingOutboxRepository } from '../../../../lib/testing';
import { OutboxRepository } from '../../../../lib/write/outbox.repository';
import { Outboxed } from '../../../../lib/write/outboxed.decorator';
import { aPayload } from '../support/an-inbox-message';
import { anEvent } from '../support/an-event';
import { thrown } from '../support/thrown';

/** Handles each message, unless the test says what becomes of it, and remembers what it was asked to handle. */
class RecordingInbox extends Inbox {
  readonly calls: (readonly [InboxPayload, InboxConsumerOptions])[] = [];
  outcome: InboxOutcome<never> | undefined;

  async process<T>(payload: InboxPayload, handler: () => T | Promise<T>, options: InboxConsumerOptions) {
    this.calls.push([payload, options]);
    return this.outcome ?? { status: 'processed' as const, result: await handler() };
  }

  processBatch(): Promise<InboxBatchOutcome> {
    throw new Error('no batch is expected');
  }

  get consumers(): string[] {
    return this.calls.map(([, { consumer }]) => consumer);
  }
}

/** What Nest hands over for a message. */
function aContext({ topic, partition, message }: InboxPayload): KafkaContext {
  return new KafkaContext([message, partition, topic] as unknown as ConstructorParameters<typeof KafkaContext>[0]);
}

describe('a handler with @IdempotentConsumer', () => {
  let modules: TestingModule[] = [];
  afterEach(async () => {
    await Promise.all(modules.map((module) => module.close()));
    modules = [];
  });

  async function compile(...providers: Provider[]): Promise<TestingModule> {
    const module = await Test.createTestingModule({ providers }).compile();
    modules.push(module);
    return module;
  }

  async function withInbox<T>(service: Type<T>, ...others: Provider[]): Promise<{ service: T; inbox: RecordingInbox }> {
    const inbox = new RecordingInbox();
    const module = await compile(service, { provide: Inbox, useValue: inbox }, ...others);
    return { service: module.get(service), inbox };
  }

  @Injectable()
  class Shipping {
    readonly log: string[] = [];
    private readonly prefix = 'shipped';

    @IdempotentConsumer()
    async ship(order: string, _context: unknown): Promise<string> {
      this.log.push(order);
      return Promise.resolve(`${this.prefix} ${order}`);
    }

    @IdempotentConsumer({ consumer: 'cancelling', maxAttempts: null, onReplay: 'process' })
    async cancel(_context: unknown): Promise<void> {
      return Promise.resolve();
    }

    @IdempotentConsumer({ consumer: 'failing' })
    async fail(_context: unknown): Promise<never> {
      return Promise.reject(new Error('no stock'));
    }

    @IdempotentConsumer({ consumer: 'failing at once' })
    failAtOnce(_context: unknown): Promise<never> {
      throw new Error('no stock at all');
    }

    @IdempotentConsumer({ consumer: 'observing' })
    observe(_context: unknown): unknown {
      return of('shipped');
    }

    @IdempotentConsumer({ consumer: 'at once' })
    shipAtOnce(_context: unknown): unknown {
      return 'shipped at once';
    }
  }

  const payload = aPayload('e1');
  const context = aContext(payload);

  describe('is run by the inbox that was injected', () => {
    it("for the message of Nest's context, with its own this, its arguments and its result", async () => {
      const { service, inbox } = await withInbox(Shipping);
      await expect(service.ship('4711', context)).resolves.toBe('shipped 4711');
      expect(inbox.calls).toEqual([[payload, { consumer: 'Shipping.ship' }]]);
    });

    it('for the message of the payload of eachMessage of kafkajs', async () => {
      const { service, inbox } = await withInbox(Shipping);
      await service.ship('4711', payload);
      expect(inbox.calls[0]?.[0]).toBe(payload);
    });

    it('with its options, and the name of its class and method as the consumer unless one is given', async () => {
      const { service, inbox } = await withInbox(Shipping);
      await service.ship('4711', context);
      await service.cancel(context);
      expect(inbox.calls.map(([, options]) => options)).toEqual([
        { consumer: 'Shipping.ship' },
        { consumer: 'cancelling', maxAttempts: null, onReplay: 'process' },
      ]);
    });

    it.each<InboxOutcome<never>>([
      { status: 'skipped' },
      { status: 'dead', error: new Error('no stock') },
      { status: 'retried', error: new Error('no stock') },
    ])('and gives nothing where it does not run: $status', async (outcome) => {
      const { service, inbox } = await withInbox(Shipping);
      inbox.outcome = outcome;
      await expect(service.ship('4711', context)).resolves.toBeUndefined();
      expect(service.log).toEqual([]);
    });

    it('also where it gives its result at once', async () => {
      const { service } = await withInbox(Shipping);
      await expect(service.shipAtOnce(context)).resolves.toBe('shipped at once');
    });

    it('and refused where its work is done only later', async () => {
      const { service } = await withInbox(Shipping);
      const error = await thrown(OutboxedResultUnsupportedError, () => service.observe(payload));
      expect(error.message).toContain(
        'Shipping.observe is decorated with @IdempotentConsumer() and returned an Observable',
      );
    });
  });

  describe('that fails', () => {
    it.each(['fail', 'failAtOnce'] as const)(
      'rejects so that Nest has the message delivered again, with its error as the cause: %s',
      async (method) => {
        const { service } = await withInbox(Shipping);
        const error = await thrown(KafkaRetriableException, () => service[method](context));
        expect(error.message).toMatch(/^no stock/);
        expect(error.cause).toEqual(new Error(error.message));
      },
    );

    it('rejects with its error itself where kafkajs calls', async () => {
      const { service } = await withInbox(Shipping);
      const error = await thrown(Error, () => service.fail(payload));
      expect(error).not.toBeInstanceOf(KafkaRetriableException);
      expect(error.message).toBe('no stock');
    });

    it('rejects so also where the inbox fails', async () => {
      const { service, inbox } = await withInbox(Shipping);
      const missing = new InboxMessageIdMissingError('orders[3] offset 7');
      inbox.process = () => Promise.reject(missing);
      const error = await thrown(KafkaRetriableException, () => service.ship('4711', context));
      expect(error.cause).toBe(missing);
      await expect(service.ship('4711', payload)).rejects.toBe(missing);
    });
  });

  it('rejects where no argument says which message it handles, with what to do, and does not run', async () => {
    const { service, inbox } = await withInbox(Shipping);
    const error = await thrown(InboxMessageNotFoundError, () => service.ship('4711', undefined));
    expect(error.code).toBe('OUTBOX_INBOX_MESSAGE_NOT_FOUND');
    expect(error.message).toMatch(/^Shipping\.ship is decorated with @IdempotentConsumer\(\).*@Ctx\(\) context/);
    expect([service.log, inbox.calls]).toEqual([[], []]);
  });

  describe('where no inbox was injected', () => {
    @Injectable()
    class Billing {
      @IdempotentConsumer({ dataSource: 'billing' })
      async bill(_context: unknown): Promise<void> {
        return Promise.resolve();
      }
    }

    it('rejects, with what to import, and does not run', async () => {
      const module = await compile(Shipping);
      const service = module.get(Shipping);
      const { cause } = await thrown(KafkaRetriableException, () => service.ship('4711', context));
      const error = cause as OutboxNotRegisteredError;
      expect(error).toBeInstanceOf(OutboxNotRegisteredError);
      expect(error.code).toBe('OUTBOX_NOT_REGISTERED');
      expect(error.message).toMatch(
        /^Shipping\.ship is decorated with @IdempotentConsumer\(\), but no OutboxModule for the data source "default"/,
      );
      expect(error.message).toContain('OutboxTestingModule.forRoot() from "nestjs-outboxed/testing"');
      expect(service.log).toEqual([]);
    });

    it('names the data source that is missing', async () => {
      const { service } = await withInbox(Billing);
      const { cause } = await thrown(KafkaRetriableException, () => service.bill(context));
      const error = cause as OutboxNotRegisteredError;
      expect(error).toBeInstanceOf(OutboxNotRegisteredError);
      expect(error.message).toMatch(
        /^Billing\.bill is decorated with @IdempotentConsumer\(\{ dataSource: 'billing' \}\).* data source "billing"/,
      );
    });

    it('rejects also on an object that was made by hand', async () => {
      await expect(new Shipping().ship('4711', context)).rejects.toThrow('let Nest create the object');
    });
  });

  it('may stand beside one of another data source', async () => {
    @Injectable()
    class Both {
      @IdempotentConsumer()
      async one(_context: unknown): Promise<void> {
        return Promise.resolve();
      }

      @IdempotentConsumer({ dataSource: 'billing' })
      async other(_context: unknown): Promise<void> {
        return Promise.resolve();
      }
    }
    const billing = new RecordingInbox();
    const { service, inbox } = await withInbox(Both, { provide: getInboxToken('billing'), useValue: billing });
    await service.one(context);
    await service.other(context);
    expect([inbox.consumers, billing.calls]).toEqual([['Both.one'], [[payload, { consumer: 'Both.other' }]]]);
  });

  describe('of a class hierarchy', () => {
    @Injectable()
    class Base {
      @IdempotentConsumer()
      async inherited(_context: unknown): Promise<string> {
        return Promise.resolve('base');
      }

      async plain(_context: unknown): Promise<string> {
        return Promise.resolve('plain');
      }
    }

    @Injectable()
    class Plain extends Base {}

    @Injectable()
    class Derived extends Base {
      @IdempotentConsumer()
      async added(_context: unknown): Promise<string> {
        return Promise.resolve('added');
      }

      @IdempotentConsumer()
      override async plain(_context: unknown): Promise<string> {
        return `${await super.plain(_context)} and derived`;
      }
    }

    it('is run on an object of a derived class that adds nothing, under the name of its own class', async () => {
      const { service, inbox } = await withInbox(Plain);
      await expect(service.inherited(context)).resolves.toBe('base');
      expect(inbox.consumers).toEqual(['Base.inherited']);
    });

    it('is run on an object of a derived class beside those that this adds', async () => {
      const { service, inbox } = await withInbox(Derived);
      await expect(service.inherited(context)).resolves.toBe('base');
      await expect(service.added(context)).resolves.toBe('added');
      await expect(service.plain(context)).resolves.toBe('plain and derived');
      expect(inbox.consumers).toEqual(['Base.inherited', 'Derived.added', 'Derived.plain']);
    });

    it('is run on an object of the base class beside one of the derived class', async () => {
      const { service, inbox } = await withInbox(Base, Derived);
      await expect(service.plain(context)).resolves.toBe('plain');
      await service.inherited(context);
      expect(inbox.consumers).toEqual(['Base.inherited']);
    });
  });

  describe('looks as it did', () => {
    class Consumers {
      @EventPattern('orders')
      @SetMetadata('mark', 'kept')
      @IdempotentConsumer()
      async above(@Payload() _order: unknown, @Ctx() _context: unknown): Promise<void> {
        return Promise.resolve();
      }

      @IdempotentConsumer()
      @SetMetadata('mark', 'kept')
      @EventPattern('orders')
      async below(@Payload() _order: unknown, @Ctx() _context: unknown): Promise<void> {
        return Promise.resolve();
      }

      @EventPattern('orders')
      @SetMetadata('mark', 'kept')
      async plain(@Payload() _order: unknown, @Ctx() _context: unknown): Promise<void> {
        return Promise.resolve();
      }
    }
    const method = (name: keyof Consumers): object =>
      Object.getOwnPropertyDescriptor(Consumers.prototype, name)?.value as object;
    const metadata = (name: keyof Consumers): unknown[] =>
      (Reflect.getMetadataKeys(method(name)) as unknown[]).map((key) => [
        key,
        Reflect.getMetadata(key, method(name)) as unknown,
      ]);

    it.each(['above', 'below'] as const)('to those who read metadata, name and parameters: %s', (name) => {
      expect(metadata(name)).toEqual(expect.arrayContaining(metadata('plain')));
      expect(metadata(name)).toHaveLength(metadata('plain').length);
      expect(method(name)).toHaveProperty('name', name);
      expect(method(name)).toHaveProperty('length', 2);
    });
  });

  describe('beside @Outboxed on the same method', () => {
    @Controller()
    class Consumers {
      readonly log: string[] = [];

      constructor(private readonly outbox: OutboxRepository) {}

      @EventPattern('orders')
      @IdempotentConsumer()
      @Outboxed(() => anEvent({ aggregateId: 'declared' }))
      async outside(order: string, _context: unknown): Promise<void> {
        await this.handle(order);
      }

      @MessagePattern('orders')
      @Outboxed(() => anEvent({ aggregateId: 'declared' }))
      @IdempotentConsumer()
      async inside(order: string, _context: unknown): Promise<void> {
        await this.handle(order);
      }

      private async handle(order: string): Promise<void> {
        await this.outbox.addEvent(anEvent({ aggregateId: 'added' }));
        this.log.push(order);
        if (order === 'fail') {
          throw new Error('no stock');
        }
      }
    }

    async function start(): Promise<{ consumers: Consumers; added: () => string[] }> {
      const module = await Test.createTestingModule({
        imports: [OutboxTestingModule.forRoot()],
        controllers: [Consumers],
      }).compile();
      modules.push(module);
      const outbox = module.get<TestingOutboxRepository>(OutboxRepository);
      return { consumers: module.get(Consumers), added: () => outbox.events.map(({ aggregateId }) => aggregateId) };
    }

    it('handles a message once, with its events', async () => {
      const { consumers, added } = await start();
      await consumers.outside('4711', context);
      await consumers.outside('4711', context);
      expect(consumers.log).toEqual(['4711']);
      expect(added()).toEqual(['added', 'declared']);
    });

    it('handles a message once, and declares its event at each delivery, where it stands inside', async () => {
      const { consumers, added } = await start();
      await consumers.inside('4711', context);
      await consumers.inside('4711', context);
      expect(consumers.log).toEqual(['4711']);
      expect(added()).toEqual(['added', 'declared', 'declared']);
    });

    it.each(['outside', 'inside'] as const)('leaves nothing where it fails, and is tried again: %s', async (method) => {
      const { consumers, added } = await start();
      await thrown(KafkaRetriableException, () => consumers[method]('fail', context));
      await thrown(KafkaRetriableException, () => consumers[method]('fail', context));
      expect(consumers.log).toEqual(['fail', 'fail']);
      expect(added()).toEqual([]);
    });
  });
});

describe('@IdempotentConsumer where it does not belong', () => {
  // What the compiler refuses, but a program without types may do.
  const decorate = IdempotentConsumer() as unknown as (
    target: object,
    property: string,
    descriptor?: PropertyDescriptor,
  ) => void;

  it('is refused while the class is being defined: on a static method', () => {
    class Shipping {
      readonly table = 'shipments';

      static ship(): Promise<void> {
        return Promise.resolve();
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Shipping, 'ship');
    expect(() => decorate(Shipping, 'ship', descriptor)).toThrow(OutboxedMisplacedError);
    expect(() => decorate(Shipping, 'ship', descriptor)).toThrow(
      '@IdempotentConsumer() is for instance methods of providers, but was put on the static member Shipping.ship.',
    );
  });

  it('is refused while the class is being defined: on a property', () => {
    expect(() => {
      class Shipping {
        @decorate ship = 1;
      }
      return Shipping;
    }).toThrow('@IdempotentConsumer() is for instance methods of providers, but was put on Shipping.ship, which is no');
  });

  it('is refused while the class is being defined: on an accessor', () => {
    expect(() => {
      class Shipping {
        @decorate
        get ship(): number {
          return 1;
        }
      }
      return Shipping;
    }).toThrow(OutboxedMisplacedError);
  });

  it.each<[string, object, string]>([
    ['a name that is none', { consumer: '' }, 'consumer is '],
    ['a number that is none', { maxAttempts: 0 }, 'maxAttempts is 0'],
    ['a misspelt name', { maxAttempt: 3 }, 'Did you mean "maxAttempts"?'],
  ])('is refused while the class is being defined: with %s among its options', async (_what, options, fault) => {
    const error = await thrown(InboxOptionsInvalidError, () => {
      class Shipping {
        @IdempotentConsumer(options)
        async ship(): Promise<void> {
          return Promise.resolve();
        }
      }
      return Shipping;
    });
    expect(error.message).toContain('The options of @IdempotentConsumer() on Shipping.ship are not valid:\n  - ');
    expect(error.message).toContain(fault);
  });
});
