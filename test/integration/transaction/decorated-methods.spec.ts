import { Injectable, Scope, SetMetadata } from '@nestjs/common';
import { Outboxed, OutboxedResultUnsupportedError } from 'nestjs-outboxed';
import { defer, firstValueFrom, from, type Observable } from 'rxjs';
import { both, TransactionSuite } from '../support/transaction-suite';

type Work = () => Promise<void>;

/** A decorator of an application that wraps the method, as those for logging, caching or retrying do. */
const Retried =
  (times: number) =>
  (_target: object, _property: string | symbol, descriptor: PropertyDescriptor): void => {
    const method = descriptor.value as (...args: unknown[]) => Promise<unknown>;
    descriptor.value = async function (this: unknown, ...args: unknown[]): Promise<unknown> {
      for (let attempt = 1; ; attempt++) {
        try {
          return await method.apply(this, args);
        } catch (error) {
          if (attempt === times) {
            throw error;
          }
        }
      }
    };
  };

@Injectable()
class Base {
  @Outboxed()
  async inherited(work: Work): Promise<string> {
    await work();
    return 'base';
  }

  @Outboxed()
  async overridden(work: Work): Promise<string> {
    await work();
    return 'base';
  }

  @Outboxed()
  async overriddenPlainly(work: Work): Promise<string> {
    await work();
    return 'base';
  }
}

@Injectable()
class Derived extends Base {
  @Outboxed()
  override async overridden(work: Work): Promise<string> {
    return `derived ${await super.overridden(work)}`;
  }

  override async overriddenPlainly(work: Work): Promise<string> {
    await work();
    return 'derived';
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class Transient extends Base {}

@Injectable()
class Others {
  @Retried(3)
  @Outboxed()
  async retriedOutside(work: Work): Promise<void> {
    await work();
  }

  @Outboxed()
  @Retried(3)
  async retriedInside(work: Work): Promise<void> {
    await work();
  }

  @SetMetadata('role', 'admin')
  @Outboxed()
  async metadataAbove(work: Work): Promise<void> {
    await work();
  }

  @Outboxed()
  @SetMetadata('role', 'admin')
  async metadataBelow(work: Work): Promise<void> {
    await work();
  }

  @Outboxed()
  syncLooking(work: Work): Promise<void> {
    return work();
  }

  @Outboxed()
  throwing(): Promise<void> {
    throw new Error('before the first await');
  }

  // What the compiler refuses, but a program without types may do.
  @(Outboxed() as MethodDecorator)
  observable(work: Work): Observable<void> {
    return defer(work);
  }

  @(Outboxed() as MethodDecorator)
  async promiseOfObservable(work: Work): Promise<Observable<void>> {
    await work();
    return from([undefined]);
  }

  @(Outboxed() as MethodDecorator)
  *generator(work: Work): Generator<Promise<void>> {
    yield work();
  }

  @(Outboxed() as MethodDecorator)
  async *asyncGenerator(work: Work): AsyncGenerator<number> {
    await work();
    yield 1;
  }

  @Outboxed()
  async firstValue(work: Work): Promise<void> {
    return firstValueFrom(from(work()));
  }

  @(Outboxed() as MethodDecorator)
  synchronous(): string {
    return 'a value';
  }
}

describe('A method with @Outboxed', () => {
  const suite = TransactionSuite.declare({ providers: [Base, Derived, Transient, Others] });
  const failure = new Error('no stock');

  const failing = (id: string) => async (): Promise<void> => {
    await suite.write(id);
    throw failure;
  };

  describe.each([
    ['of a base class, on an object of that', () => suite.app.module.get(Base), 'base', 'base'],
    ['of a derived class', () => suite.app.module.get(Derived), 'base', 'derived base'],
  ])('%s', (what, get, inherited, overridden) => {
    it('runs in a transaction, which is one also where it calls its super method', async () => {
      const id = `class-${inherited}-${overridden}`;
      expect(await get().inherited(() => suite.write(`${id}-1`))).toBe(inherited);
      expect(await get().overridden(() => suite.write(`${id}-2`))).toBe(overridden);
      await expect(get().inherited(failing(`${id}-3`))).rejects.toBe(failure);
      await expect(get().overridden(failing(`${id}-4`))).rejects.toBe(failure);
      expect(await suite.stored(`${id}-`)).toEqual(both(`${id}-1`, `${id}-2`));
      expect(what).toContain('class');
    });
  });

  it('that is overridden without the decorator runs as the overriding one says: in no transaction', async () => {
    const work = (): Promise<void> => suite.write('plain');
    await expect(suite.app.module.get(Derived).overriddenPlainly(work)).rejects.toMatchObject({
      code: 'OUTBOX_TRANSACTION_REQUIRED',
    });
  });

  it('of a transient provider runs in a transaction', async () => {
    const [one, other] = [await suite.app.module.resolve(Transient), await suite.app.module.resolve(Transient)];
    await one.inherited(() => suite.write('transient-1'));
    await expect(other.inherited(failing('transient-2'))).rejects.toBe(failure);
    expect(await suite.stored('transient')).toEqual(both('transient-1'));
  });

  it('below a decorator that tries again has a new transaction for each attempt', async () => {
    let attempts = 0;
    await suite.app.module.get(Others).retriedOutside(async () => {
      await suite.write(`retried-${String(++attempts)}`);
      if (attempts < 3) {
        await suite.app.dataSource.query('select 1 / 0');
      }
    });
    expect(await suite.stored('retried')).toEqual(both('retried-3'));
  });

  it('above a decorator that tries again has one transaction for all attempts', async () => {
    let attempts = 0;
    await suite.app.module.get(Others).retriedInside(async () => {
      await suite.write(`together-${String(++attempts)}`);
      if (attempts < 3) {
        throw failure;
      }
    });
    expect(await suite.stored('together')).toEqual(both('together-1', 'together-2', 'together-3'));
  });

  it.each(['metadataAbove', 'metadataBelow'] as const)('keeps the metadata of other decorators: %s', async (name) => {
    const others = suite.app.module.get(Others);
    expect(Reflect.getMetadata('role', others[name])).toBe('admin');
    await others[name](() => suite.write(name));
    expect(await suite.stored(name)).toEqual(both(name));
  });

  it('may return a promise without being async', async () => {
    const others = suite.app.module.get(Others);
    await others.syncLooking(() => suite.write('sync-1'));
    await expect(others.syncLooking(failing('sync-2'))).rejects.toBe(failure);
    await expect(others.throwing()).rejects.toThrow('before the first await');
    expect(await suite.stored('sync')).toEqual(both('sync-1'));
  });

  it('may turn an observable into a promise', async () => {
    await suite.app.module.get(Others).firstValue(() => suite.write('first-value'));
    expect(await suite.stored('first-value')).toEqual(both('first-value'));
  });

  it('that returns a plain value returns a promise of it', async () => {
    await expect(suite.app.module.get(Others).synchronous()).resolves.toBe('a value');
  });

  it.each([
    ['observable', 'an Observable'],
    ['promiseOfObservable', 'an Observable'],
    ['generator', 'a generator'],
    ['asyncGenerator', 'a generator'],
  ] as const)('that returns something that works only later is refused, and rolled back: %s', async (name, kind) => {
    const calling = suite.app.module.get(Others)[name](() => suite.write(`later-${name}`)) as unknown as Promise<never>;
    await expect(calling).rejects.toBeInstanceOf(OutboxedResultUnsupportedError);
    await expect(calling).rejects.toThrow(`Others.${name} is decorated with @Outboxed() and returned ${kind}`);
    expect(await suite.stored(`later-${name}`)).toEqual(both());
  });
});
