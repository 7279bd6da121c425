import 'reflect-metadata';
import { Injectable, type Provider } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { decorateMethod, nameOf, type MethodCall } from '../../../../lib/decoration/injected-method';
import { OutboxedMisplacedError } from '../../../../lib/errors/outboxed.errors';

/** Runs the method between what was injected for it and its name. */
function Framed(decorator: string, token: string) {
  return (target: object, property: string | symbol, descriptor?: PropertyDescriptor): void =>
    decorateMethod<string>(
      { decorator, token, property: `test:${token}` },
      { target, property, descriptor },
      async ({ injected, method, args, work }: MethodCall<string>) =>
        `${injected ?? 'nothing'}[${method}(${args.join()}) ${String(await work())}]`,
    );
}

describe('a method that a decorator has put another one in the place of', () => {
  let module: TestingModule | undefined;
  afterEach(() => module?.close());

  @Injectable()
  class Orders {
    private readonly prefix = 'order';

    @Framed('@A()', 'a')
    async place(id: string): Promise<string> {
      return Promise.resolve(`${this.prefix} ${id}`);
    }

    @Framed('@A()', 'a')
    @Framed('@B()', 'b')
    async both(): Promise<string> {
      return Promise.resolve('done');
    }

    @Framed('@B()', 'b')
    @Framed('@B()', 'b')
    async twice(): Promise<string> {
      return Promise.resolve('done');
    }
  }

  @Injectable()
  class Derived extends Orders {
    @Framed('@B()', 'b')
    override async place(id: string): Promise<string> {
      return super.place(id);
    }
  }

  async function start(...tokens: string[]): Promise<TestingModule> {
    const values = tokens.map((token): Provider => ({ provide: token, useValue: token.toUpperCase() }));
    module = await Test.createTestingModule({ providers: [Orders, Derived, ...values] }).compile();
    return module;
  }

  it('is called with what Nest has injected, the name, the arguments and the method itself', async () => {
    const orders = (await start('a', 'b')).get(Orders);
    await expect(orders.place('4711')).resolves.toBe('A[Orders.place(4711) order 4711]');
  });

  it('is called with nothing where Nest has nothing to inject, or has not made the object', async () => {
    const orders = (await start('b')).get(Orders);
    await expect(orders.place('4711')).resolves.toBe('nothing[Orders.place(4711) order 4711]');
    await expect(new Orders().place('4711')).resolves.toBe('nothing[Orders.place(4711) order 4711]');
  });

  it('may have two decorators, each with its own injection, and one of them twice', async () => {
    const orders = (await start('a', 'b')).get(Orders);
    await expect(orders.both()).resolves.toBe('A[Orders.both() B[Orders.both() done]]');
    await expect(orders.twice()).resolves.toBe('B[Orders.twice() B[Orders.twice() done]]');
  });

  it('may be overridden by one with another decorator', async () => {
    const derived = (await start('a', 'b')).get(Derived);
    await expect(derived.place('7')).resolves.toBe('B[Derived.place(7) A[Orders.place(7) order 7]]');
    await expect(derived.both()).resolves.toBe('A[Orders.both() B[Orders.both() done]]');
  });

  it('leaves no trace on the object that is listed', async () => {
    expect(Object.keys((await start('a', 'b')).get(Orders))).toEqual(['prefix']);
  });

  it('is refused under the name of the decorator where it is none', () => {
    const decorate = Framed('@A()', 'a');
    expect(() => decorate(Orders.prototype, 'missing')).toThrow(OutboxedMisplacedError);
    expect(() => decorate(Orders.prototype, 'missing')).toThrow(
      '@A() is for instance methods of providers, but was put on Orders.missing, which is not a method.',
    );
    expect(() => decorate(Orders, 'of', { value: () => 1 })).toThrow('@A() is for instance methods of providers, but');
  });

  it('is called by its class and its name, which may be a symbol', () => {
    expect(nameOf(Orders.prototype, Symbol('place'))).toBe('Orders.Symbol(place)');
    expect(nameOf(Orders, 'of')).toBe('Orders.of');
  });
});
