import * as outboxed from 'nestjs-outboxed';
import * as migrations from 'nestjs-outboxed/migrations';
import * as testing from 'nestjs-outboxed/testing';

/** What users can import. A name that goes away, or comes, is a decision about the version. */
describe('the public face', () => {
  it('is these names', () => {
    expect(Object.keys(outboxed).toSorted()).toEqual([
      'EventOutbox',
      'EventRelayWorker',
      'InProcessPublisher',
      'InjectDeadLetters',
      'InjectOutbox',
      'InjectTransactions',
      'OutboxArgumentInvalidError',
      'OutboxColumnsRenamedError',
      'OutboxDataSourceMissingError',
      'OutboxDataSourceNotInitializedError',
      'OutboxDataSourceUnsupportedError',
      'OutboxDeadLetter',
      'OutboxDeadLetterNotFoundError',
      'OutboxDeadLetters',
      'OutboxDeadlockError',
      'OutboxEntitiesMissingError',
      'OutboxError',
      'OutboxEventIdTakenError',
      'OutboxEventInvalidError',
      'OutboxForeignTransactionError',
      'OutboxIsolationMismatchError',
      'OutboxLane',
      'OutboxModule',
      'OutboxNotRegisteredError',
      'OutboxNothingToDrainToError',
      'OutboxOptionsInvalidError',
      'OutboxPoolTooSmallError',
      'OutboxRegisteredTwiceError',
      'OutboxRelay',
      'OutboxReplayConflictError',
      'OutboxRepository',
      'OutboxRewind',
      'OutboxSavepointOverlapError',
      'OutboxTransactionAbortedError',
      'OutboxTransactionEndedError',
      'OutboxTransactionRequiredError',
      'OutboxTransactions',
      'OutboxUpkeep',
      'Outboxed',
      'OutboxedMisplacedError',
      'OutboxedResultMissingError',
      'OutboxedResultUnsupportedError',
      'getDeadLettersToken',
      'getOutboxToken',
      'getRelayToken',
      'getTransactionsToken',
      'getUpkeepToken',
      'outboxEntities',
    ]);
  });

  it('has the parts for tests apart', () => {
    expect(Object.keys(testing).toSorted()).toEqual(['OutboxTestingModule', 'TestingOutboxRepository']);
  });

  it('has the migrations apart', () => {
    expect(Object.keys(migrations).toSorted()).toEqual([
      'AddRelayTables1764000000000',
      'CreateOutboxTables1763900000000',
      'outboxMigrations',
    ]);
  });

  it('lists all migrations in their order', () => {
    const names = migrations.outboxMigrations.map(({ name }) => name);
    expect(names).toEqual(names.toSorted((a, b) => Number(a.slice(-13)) - Number(b.slice(-13))));
    expect(new Set(Object.values(migrations).filter((member) => typeof member === 'function'))).toEqual(
      new Set(migrations.outboxMigrations),
    );
  });

  it('lists all entities', () => {
    expect([...outboxed.outboxEntities]).toEqual([
      outboxed.EventOutbox,
      outboxed.OutboxDeadLetter,
      outboxed.OutboxLane,
      outboxed.OutboxRelay,
      outboxed.OutboxRewind,
    ]);
  });
});
