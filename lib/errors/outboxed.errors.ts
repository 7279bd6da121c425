import { OutboxError } from './outbox.error';

/** A method with `@Outboxed` or `@IdempotentConsumer` was called on an object that Nest did not give an outbox. */
export class OutboxNotRegisteredError extends OutboxError {
  readonly code = 'OUTBOX_NOT_REGISTERED';

  constructor(method: string, dataSource: string, decorator = '@Outboxed') {
    const own = dataSource === 'default' ? '' : `{ dataSource: '${dataSource}' }`;
    super(
      `${method} is decorated with ${decorator}(${own}), but no OutboxModule for the data source "${dataSource}" was injected into ` +
        'its object. In an application import OutboxModule.forRoot(...) (with isGlobal: false also into the module of this ' +
        'class); in a unit test import OutboxTestingModule.forRoot() from "nestjs-outboxed/testing"; and let Nest create ' +
        'the object instead of calling new.',
    );
  }
}

/** A declarative `@Outboxed({...})` has nothing to put into the event. The transaction is rolled back. */
export class OutboxedResultMissingError extends OutboxError {
  readonly code = 'OUTBOX_RESULT_MISSING';

  constructor(method: string) {
    super(
      `${method} returned undefined, and its @Outboxed({ ... }) takes the event's data from the returned value. Return the ` +
        'value, give eventData: (result, ...args) => ..., or use the form @Outboxed((result, ...args) => undefined) for "no event".',
    );
  }
}

/** `@Outboxed` or `@IdempotentConsumer` was put on something other than a method. Thrown while the class is being defined. */
export class OutboxedMisplacedError extends OutboxError {
  readonly code = 'OUTBOX_DECORATOR_MISPLACED';

  constructor(place: string, decorator = '@Outboxed()') {
    super(`${decorator} is for instance methods of providers, but was put on ${place}. Put it on an async method.`);
  }
}

/** A method with `@Outboxed` or `@IdempotentConsumer` returned something that does its work only later. The transaction is rolled back. */
export class OutboxedResultUnsupportedError extends OutboxError {
  readonly code = 'OUTBOX_RESULT_UNSUPPORTED';

  constructor(method: string, kind: string, decorator = '@Outboxed()') {
    super(
      `${method} is decorated with ${decorator} and returned ${kind}, whose work is done only when somebody asks for its values: after the ` +
        'transaction. Return a promise: await firstValueFrom(observable) or lastValueFrom(observable), or collect the values in a list.',
    );
  }
}
