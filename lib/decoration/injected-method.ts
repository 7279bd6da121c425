import { Inject, Optional } from '@nestjs/common';
import { OutboxedMisplacedError } from '../errors/outboxed.errors';

/** What a decorator does with a call of the method that it stands on. */
export interface MethodCall<Injected> {
  /** What Nest has injected into the object; undefined if there was none. */
  readonly injected: Injected | undefined;
  /** `Class.method`, for messages. */
  readonly method: string;
  readonly args: unknown[];
  /** The method itself. */
  readonly work: () => unknown;
}

/** Names a decorator, and what it needs to have injected. */
export interface InjectedMethod {
  /** For messages, such as `@Outboxed()`. */
  readonly decorator: string;
  readonly token: string | (abstract new (...args: never[]) => unknown);
  /** Names the property that the injection is kept in; of two decorators with the same name one object serves both. */
  readonly property: string;
}

/**
 * Puts another function in the place of a method, which is called with what Nest has injected into the object for it: by one optional property
 * injection that is added to the class.
 */
export function decorateMethod<Injected>(
  { decorator, token, property: injection }: InjectedMethod,
  { target, property, descriptor }: { target: object; property: string | symbol; descriptor: unknown },
  call: (call: MethodCall<Injected>) => Promise<unknown>,
): void {
  const described = descriptor as PropertyDescriptor | undefined;
  const method: unknown = described?.value;
  const name = nameOf(target, property);
  if (described === undefined || typeof method !== 'function' || typeof target === 'function') {
    throw new OutboxedMisplacedError(
      typeof target === 'function' ? `the static member ${name}` : `${name}, which is not a method`,
      decorator,
    );
  }
  const injectedProperty = inject(target, token, injection);
  const decorated = async function (this: Record<symbol, Injected | undefined>, ...args: unknown[]): Promise<unknown> {
    return call({
      injected: this[injectedProperty],
      method: name,
      args,
      work: () => Reflect.apply(method, this, args) as unknown,
    });
  };
  described.value = imitating(method, decorated);
}

export function nameOf(target: object, property: string | symbol): string {
  return `${(typeof target === 'function' ? target : target.constructor).name}.${String(property)}`;
}

/** Adds an optional property injection to the class, once for each injection, also where a base class has it already. */
function inject(target: object, token: InjectedMethod['token'], injection: string): symbol {
  const property = Symbol.for(injection);
  const marked = Symbol.for(`${injection}:injected`);
  if (!Reflect.hasMetadata(marked, target)) {
    Optional()(target, property);
    Inject(token)(target, property);
    Reflect.defineMetadata(marked, true, target);
  }
  return property;
}

/** Carries over what other decorators have left on the method, so that their order does not matter to them. */
function imitating(method: object, decorated: (...args: unknown[]) => Promise<unknown>): unknown {
  for (const key of Reflect.getMetadataKeys(method) as unknown[]) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, method), decorated);
  }
  const { name, length } = method as { name: string; length: number };
  return Object.defineProperties(decorated, {
    name: { value: name, configurable: true },
    length: { value: length, configurable: true },
  });
}
