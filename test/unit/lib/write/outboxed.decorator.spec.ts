import { Inject, Injectable, Scope, SetMetadata, type Provider, type Type } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { outboxedToken } from '../../../../lib/config/tokens';
import { OutboxedMisplacedError, OutboxNotRegisteredError } from '../../../../lib/errors/outboxed.errors';
import { OutboxTestingModule, TestingOutboxRepository } from '../../../../lib/testing';
import { getOutboxToken } from '../../../../lib/write/outbox-tokens';
import { OutboxRepository } from '../../../../lib/write/outbox.repository';
import { Outboxed } from '../../../../lib/write/outboxed.decorator';
import type { OutboxedCall, OutboxedRunner } from '../../../../lib/write/outboxed-runner';
import { anEvent } from '../support/an-event';
import { thrown } from '../support/thrown';

/** Runs the method and remembers that it was asked to. */
class RecordingRunner implements OutboxedRunner {
  readonly calls: OutboxedCall[] = [];

  async run(call: OutboxedCall): Promise<unknown> {
    this.calls.push(call);
    return call.work();
  }

  get methods(): string[] {
    return this.calls.map(({ method }) => method);
  }
}

describe('a method with @Outboxed', () => {
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

  async function withRunner<T>(
    service: Type<T>,
    ...others: Provider[]
  ): Promise<{ service: T; runner: RecordingRunner }> {
    const runner = new RecordingRunner();
    const module = await compile(service, { provide: outboxedToken('default'), useValue: runner }, ...others);
    return { service: module.get(service), runner };
  }

  describe('is run by what was injected', () => {
    @Injectable()
    class Orders {
      private readonly prefix = 'order';

      @Outboxed()
      async place(id: string, count: number): Promise<string> {
        return Promise.resolve(`${this.prefix} ${id} ${count}`);
      }

      @Outboxed()
      async fail(): Promise<never> {
        return Promise.reject(new Error('no stock'));
      }

      @Outboxed()
      failAtOnce(): Promise<never> {
        throw new Error('no stock at all');
      }
    }

    it('with its own this, its arguments and its result', async () => {
      const { service, runner } = await withRunner(Orders);
      await expect(service.place('4711', 2)).resolves.toBe('order 4711 2');
      expect(runner.calls).toEqual([
        {
          method: 'Orders.place',
          args: ['4711', 2],
          events: undefined,
          transaction: {},
          work: expect.any(Function) as unknown,
        },
      ]);
    });

    it('and not without the runner', async () => {
      const idle: OutboxedRunner = { run: () => Promise.resolve('in place of it') };
      const module = await compile(Orders, { provide: outboxedToken('default'), useValue: idle });
      await expect(module.get(Orders).place('4711', 2)).resolves.toBe('in place of it');
    });

    it('and rejects with what it rejects with', async () => {
      const { service } = await withRunner(Orders);
      await expect(service.fail()).rejects.toThrow('no stock');
    });

    it('and rejects with what it throws before its first await', async () => {
      const { service } = await withRunner(Orders);
      let returned: Promise<never> | undefined;
      expect(() => {
        returned = service.failAtOnce();
      }).not.toThrow();
      await expect(returned).rejects.toThrow('no stock at all');
    });

    it('each of two applications by its own', async () => {
      const [one, other] = [await withRunner(Orders), await withRunner(Orders)];
      await one.service.place('1', 1);
      await other.service.place('2', 2);
      await other.service.place('3', 3);
      expect([one.runner.calls.length, other.runner.calls.length]).toEqual([1, 2]);
    });

    it('on calls of this object from one method to another, too', async () => {
      @Injectable()
      class Shop {
        @Outboxed()
        async outer(): Promise<string> {
          return this.inner();
        }

        @Outboxed()
        async inner(): Promise<string> {
          return Promise.resolve('done');
        }
      }
      const { service, runner } = await withRunner(Shop);
      await expect(service.outer()).resolves.toBe('done');
      expect(runner.methods).toEqual(['Shop.outer', 'Shop.inner']);
    });
  });

  it('is run in the transaction that its options ask for, in each form', async () => {
    @Injectable()
    class Orders {
      @Outboxed({ propagation: 'NESTED' })
      async plain(): Promise<void> {
        return Promise.resolve();
      }

      @Outboxed({
        topic: 'orders',
        aggregateType: 'order',
        eventType: 'OrderPlaced',
        aggregateId: '1',
        propagation: 'REQUIRES_NEW',
        isolationLevel: 'SERIALIZABLE',
      })
      async declared(): Promise<void> {
        return Promise.resolve();
      }

      @Outboxed(() => undefined, { isolationLevel: 'REPEATABLE READ' })
      async made(): Promise<void> {
        return Promise.resolve();
      }
    }
    const { service, runner } = await withRunner(Orders);
    await service.plain();
    await service.declared();
    await service.made();
    expect(runner.calls.map(({ transaction }) => transaction)).toEqual([
      { propagation: 'NESTED', isolationLevel: undefined },
      { propagation: 'REQUIRES_NEW', isolationLevel: 'SERIALIZABLE' },
      { propagation: undefined, isolationLevel: 'REPEATABLE READ' },
    ]);
    expect(runner.calls.map(({ events }) => typeof events)).toEqual(['undefined', 'object', 'function']);
  });

  it('is refused while the class is being defined, where its options are wrong', () => {
    const wrong = { propagation: 'SUPPORTS' } as unknown as { propagation: 'NESTED' };
    expect(() => Outboxed(wrong)).toThrow('propagation is "SUPPORTS", and must be one of REQUIRED');
    expect(() => Outboxed(() => undefined, wrong)).toThrow('propagation is "SUPPORTS"');
  });

  describe('where none was injected', () => {
    @Injectable()
    class Orders {
      ran = false;

      @Outboxed()
      async place(): Promise<void> {
        this.ran = true;
        return Promise.resolve();
      }

      @Outboxed({ dataSource: 'billing' })
      async bill(): Promise<void> {
        return Promise.resolve();
      }
    }

    it('rejects, with what to import, and does not run', async () => {
      const module = await compile(Orders);
      const service = module.get(Orders);
      const error = await thrown(OutboxNotRegisteredError, () => service.place());
      expect(error.code).toBe('OUTBOX_NOT_REGISTERED');
      expect(error.message).toMatch(
        /^Orders\.place is decorated with @Outboxed\(\), but no OutboxModule for the data source "default"/,
      );
      expect(error.message).toContain('OutboxModule.forRoot(...)');
      expect(error.message).toContain('OutboxTestingModule.forRoot() from "nestjs-outboxed/testing"');
      expect(service.ran).toBe(false);
    });

    it('names the data source that is missing', async () => {
      const { service } = await withRunner(Orders);
      const error = await thrown(OutboxNotRegisteredError, () => service.bill());
      expect(error.message).toMatch(
        /^Orders\.bill is decorated with @Outboxed\(\{ dataSource: 'billing' \}\).* data source "billing"/,
      );
    });

    it('rejects also on an object that was made by hand, and does not throw', async () => {
      const returned = new Orders().place();
      await expect(returned).rejects.toThrow('let Nest create the object instead of calling new');
    });
  });

  describe('of a class hierarchy', () => {
    @Injectable()
    class Base {
      @Inject('name') readonly name!: string;

      @Outboxed()
      async inherited(): Promise<string> {
        return Promise.resolve(`base ${this.name}`);
      }

      @Outboxed()
      async overridden(): Promise<string> {
        return Promise.resolve('base');
      }
    }

    @Injectable()
    class Plain extends Base {}

    @Injectable()
    class Derived extends Base {
      @Inject('more') readonly more!: string;

      @Outboxed()
      override async overridden(): Promise<string> {
        return `${await super.overridden()} and derived ${this.more}`;
      }

      @Outboxed()
      async added(): Promise<string> {
        return Promise.resolve(`added ${this.more} ${this.name}`);
      }
    }

    const names: Provider[] = [
      { provide: 'name', useValue: 'N' },
      { provide: 'more', useValue: 'M' },
    ];

    it('is run on an object of a derived class that adds nothing', async () => {
      const { service, runner } = await withRunner(Plain, ...names);
      await expect(service.inherited()).resolves.toBe('base N');
      expect(runner.calls).toHaveLength(1);
    });

    it('is run on an object of a derived class with methods of its own, and leaves its other injections alone', async () => {
      const { service, runner } = await withRunner(Derived, ...names);
      await expect(service.inherited()).resolves.toBe('base N');
      await expect(service.added()).resolves.toBe('added M N');
      await expect(service.overridden()).resolves.toBe('base and derived M');
      expect(runner.methods).toEqual(['Base.inherited', 'Derived.added', 'Derived.overridden', 'Base.overridden']);
    });

    it('is run on an object of the base class beside one of the derived class', async () => {
      const { service, runner } = await withRunner(Base, Derived, ...names);
      await expect(service.overridden()).resolves.toBe('base');
      expect(runner.methods).toEqual(['Base.overridden']);
    });

    it('is run where only the derived class is decorated', async () => {
      class Undecorated {
        work(): Promise<string> {
          return Promise.resolve('undecorated');
        }
      }
      @Injectable()
      class Decorated extends Undecorated {
        @Outboxed()
        override async work(): Promise<string> {
          return super.work();
        }
      }
      const { service, runner } = await withRunner(Decorated);
      await expect(service.work()).resolves.toBe('undecorated');
      expect(runner.methods).toEqual(['Decorated.work']);
    });
  });

  it('may be named by a symbol', async () => {
    const place = Symbol('place');
    @Injectable()
    class Orders {
      @Outboxed()
      async [place](id: string): Promise<string> {
        return Promise.resolve(id);
      }
    }
    const { service, runner } = await withRunner(Orders);
    await expect(service[place]('4711')).resolves.toBe('4711');
    expect(runner.methods).toEqual(['Orders.Symbol(place)']);
  });

  it('may be one of a request-scoped provider', async () => {
    let made = 0;
    @Injectable({ scope: Scope.REQUEST })
    class Orders {
      readonly number = ++made;

      @Outboxed()
      async place(): Promise<number> {
        return Promise.resolve(this.number);
      }
    }
    const runner = new RecordingRunner();
    const module = await compile(Orders, { provide: outboxedToken('default'), useValue: runner });
    const [first, second] = [await module.resolve(Orders), await module.resolve(Orders)];
    await expect(Promise.all([first.place(), second.place()])).resolves.toEqual([1, 2]);
    expect(runner.calls).toHaveLength(2);
  });

  it('may stand beside one of another data source', async () => {
    @Injectable()
    class Orders {
      @Outboxed()
      async place(): Promise<void> {
        return Promise.resolve();
      }

      @Outboxed({ dataSource: 'billing' })
      async bill(): Promise<void> {
        return Promise.resolve();
      }
    }
    const [orders, billing] = [new RecordingRunner(), new RecordingRunner()];
    const module = await compile(
      Orders,
      { provide: outboxedToken('default'), useValue: orders },
      { provide: outboxedToken('billing'), useValue: billing },
    );
    await module.get(Orders).place();
    await module.get(Orders).bill();
    expect([orders.methods, billing.methods]).toEqual([['Orders.place'], ['Orders.bill']]);
  });

  it('keeps the object free of enumerable traces but what was injected', async () => {
    @Injectable()
    class Orders {
      readonly table = 'orders';

      @Outboxed()
      async place(): Promise<void> {
        return Promise.resolve();
      }
    }
    const { service } = await withRunner(Orders);
    expect(Object.keys(service)).toEqual(['table']);
    expect(JSON.stringify(service)).toBe('{"table":"orders"}');
  });

  describe('looks as it did', () => {
    class Orders {
      @SetMetadata('below', 'kept')
      @Outboxed()
      async above(first: string, second: string): Promise<string> {
        return Promise.resolve(first + second);
      }

      @Outboxed()
      @SetMetadata('below', 'kept')
      async below(first: string, second: string): Promise<string> {
        return Promise.resolve(first + second);
      }

      @SetMetadata('two', 2)
      @Outboxed()
      @SetMetadata('one', 1)
      async between(): Promise<void> {
        return Promise.resolve();
      }

      async plain(first: string, second: string): Promise<string> {
        return Promise.resolve(first + second);
      }
    }

    /** The method as it stands on the class, by its name. */
    const method = (name: keyof Orders): object =>
      Object.getOwnPropertyDescriptor(Orders.prototype, name)?.value as object;

    it('to those who read metadata, whichever decorator came first', () => {
      expect(Reflect.getMetadata('below', method('above'))).toBe('kept');
      expect(Reflect.getMetadata('below', method('below'))).toBe('kept');
      expect(Reflect.getMetadata('one', method('between'))).toBe(1);
      expect(Reflect.getMetadata('two', method('between'))).toBe(2);
    });

    it.each(['above', 'below'] as const)('to those who read its name and its number of parameters: %s', (name) => {
      expect(method(name)).toHaveProperty('name', name);
      expect(method(name)).toHaveProperty('length', 2);
    });

    it('to those who list the properties of the class', () => {
      const shape = (name: keyof Orders): PropertyDescriptor => ({
        ...Object.getOwnPropertyDescriptor(Orders.prototype, name),
        value: undefined,
      });
      expect(shape('above')).toEqual(shape('plain'));
      expect(Object.keys(Orders.prototype)).toEqual([]);
    });
  });
});

describe('@Outboxed on something else', () => {
  // What the compiler refuses, but a program without types may do.
  const decorate = Outboxed() as unknown as (target: object, property: string, descriptor?: PropertyDescriptor) => void;

  it('is refused while the class is being defined: a static method', () => {
    class Orders {
      readonly table = 'orders';

      static place(): Promise<void> {
        return Promise.resolve();
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Orders, 'place');
    expect(() => decorate(Orders, 'place', descriptor)).toThrow(OutboxedMisplacedError);
    expect(() => decorate(Orders, 'place', descriptor)).toThrow(
      '@Outboxed() is for instance methods of providers, but was put on the static member Orders.place. Put it on an async method.',
    );
  });

  it('is refused while the class is being defined: a property', () => {
    expect(() => {
      class Orders {
        @decorate place = 1;
      }
      return Orders;
    }).toThrow('was put on Orders.place, which is not a method');
  });

  it('is refused while the class is being defined: an accessor', () => {
    expect(() => {
      class Orders {
        @decorate
        get place(): number {
          return 1;
        }
      }
      return Orders;
    }).toThrow(expect.objectContaining({ code: 'OUTBOX_DECORATOR_MISPLACED' }) as Error);
  });
});

describe('what @Outboxed declares', () => {
  const cancelled: string[] = [];

  interface Order {
    readonly id: string;
    readonly total: number;
  }

  @Injectable()
  class Orders {
    @Outboxed({
      topic: 'orders',
      aggregateType: 'order',
      eventType: 'OrderPlaced',
      aggregateId: (order: Order) => order.id,
    })
    async place(order: Order): Promise<Order> {
      return Promise.resolve(order);
    }

    @Outboxed({
      topic: 'orders',
      aggregateType: 'order',
      eventType: (_result: undefined, _id: string, reason: string) => `OrderCancelled.${reason}`,
      aggregateId: (_result: undefined, id: string) => id,
      eventData: (_result: undefined, id: string, reason: string) => ({ id, reason }),
      eventKey: (_result: undefined, id: string) => `key-${id}`,
      headers: { tenant: 'a' },
    })
    async cancel(id: string, reason: string): Promise<undefined> {
      cancelled.push(`${id} ${reason}`);
      return Promise.resolve(undefined);
    }

    @Outboxed({ topic: 'orders', aggregateType: 'order', eventType: 'OrderLost', aggregateId: '1' })
    async lose(): Promise<void> {
      return Promise.resolve();
    }

    @Outboxed((total: number) => (total > 0 ? anEvent({ eventData: total }) : undefined))
    async pay(total: number): Promise<number> {
      return Promise.resolve(total);
    }

    @Outboxed((ids: string[]) => ids.map((aggregateId) => anEvent({ aggregateId })))
    async placeAll(ids: string[]): Promise<string[]> {
      return Promise.resolve(ids);
    }

    @Outboxed({ dataSource: 'billing', topic: 'bills', aggregateType: 'bill', eventType: 'Billed', aggregateId: '1' })
    async bill(): Promise<string> {
      return Promise.resolve('billed');
    }

    @Outboxed(() => {
      throw new Error('no event of this');
    })
    async failToTell(): Promise<void> {
      return Promise.resolve();
    }

    @Outboxed(() => anEvent())
    async fail(): Promise<void> {
      return Promise.reject(new Error('no stock'));
    }
  }

  let module: TestingModule;
  let orders: Orders;
  let outbox: TestingOutboxRepository;
  let billing: TestingOutboxRepository;

  beforeEach(async () => {
    module = await Test.createTestingModule({
      imports: [OutboxTestingModule.forRoot(), OutboxTestingModule.forRoot({ dataSource: 'billing' })],
      providers: [Orders],
    }).compile();
    orders = module.get(Orders);
    outbox = module.get<TestingOutboxRepository>(OutboxRepository);
    billing = module.get<TestingOutboxRepository>(getOutboxToken('billing'));
  });
  afterEach(() => module.close());

  const withId = { id: expect.any(String) as unknown };

  it('is added with the result as data, which is still returned', async () => {
    const order = { id: '4711', total: 12 };
    await expect(orders.place(order)).resolves.toBe(order);
    expect(outbox.events).toEqual([
      {
        ...withId,
        topic: 'orders',
        aggregateType: 'order',
        eventType: 'OrderPlaced',
        aggregateId: '4711',
        eventData: order,
      },
    ]);
  });

  it('is made from the arguments where its fields are functions of them', async () => {
    await expect(orders.cancel('4711', 'late')).resolves.toBeUndefined();
    expect(cancelled).toEqual(['4711 late']);
    expect(outbox.events).toEqual([
      {
        ...withId,
        topic: 'orders',
        aggregateType: 'order',
        eventType: 'OrderCancelled.late',
        aggregateId: '4711',
        eventData: { id: '4711', reason: 'late' },
        eventKey: 'key-4711',
        headers: { tenant: 'a' },
      },
    ]);
  });

  it('cannot be made of nothing', async () => {
    await expect(orders.lose()).rejects.toMatchObject({
      code: 'OUTBOX_RESULT_MISSING',
      message: expect.stringContaining('Orders.lose returned undefined') as unknown,
    });
    expect(outbox.events).toEqual([]);
  });

  it('is no event where the function gives none', async () => {
    await expect(orders.pay(0)).resolves.toBe(0);
    expect(outbox.events).toEqual([]);
  });

  it('is one event where the function gives one', async () => {
    await orders.pay(12);
    expect(outbox.events).toEqual([{ ...anEvent({ eventData: 12 }), ...withId }]);
  });

  it('is each event of the list that the function gives', async () => {
    await orders.placeAll(['a', 'b']);
    expect(outbox.events.map(({ aggregateId }) => aggregateId)).toEqual(['a', 'b']);
    await orders.placeAll([]);
    expect(outbox.events).toHaveLength(2);
  });

  it('is added to the outbox of the data source that it names', async () => {
    await orders.bill();
    expect(outbox.events).toEqual([]);
    expect(billing.events).toEqual([
      { ...withId, topic: 'bills', aggregateType: 'bill', eventType: 'Billed', aggregateId: '1', eventData: 'billed' },
    ]);
  });

  it('makes the call fail where it cannot be made', async () => {
    await expect(orders.failToTell()).rejects.toThrow('no event of this');
  });

  it('is not added where the method fails', async () => {
    await expect(orders.fail()).rejects.toThrow('no stock');
    expect(outbox.events).toEqual([]);
  });
});
