import * as outboxed from 'nestjs-outboxed';
import * as health from 'nestjs-outboxed/health';
import * as metrics from 'nestjs-outboxed/metrics';
import * as migrations from 'nestjs-outboxed/migrations';
import * as testing from 'nestjs-outboxed/testing';

/** What users can import. A name that goes away, or comes, is a decision about the version. */
describe('the public face', () => {
  it('is these names', () => {
    expect(Object.keys(outboxed).toSorted()).toEqual([
      'EventInbox',
      'EventOutbox',
      'EventRelayWorker',
      'IdempotentConsumer',
      'InProcessPublisher',
      'Inbox',
      'InboxBatchStoppedError',
      'InboxDeadLetterNotFoundError',
      'InboxDeadLetterRow',
      'InboxDeadLetters',
      'InboxMessageBusyError',
      'InboxMessageIdMissingError',
      'InboxMessageNotFoundError',
      'InboxOptionsInvalidError',
      'InjectDeadLetters',
      'InjectInbox',
      'InjectInboxDeadLetters',
      'InjectOutbox',
      'InjectOutboxEvents',
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
      'OutboxEvents',
      'OutboxForeignTransactionError',
      'OutboxIsolationMismatchError',
      'OutboxLane',
      'OutboxMetricTakenError',
      'OutboxModule',
      'OutboxNotRegisteredError',
      'OutboxNothingToDrainToError',
      'OutboxOptionsInvalidError',
      'OutboxPeerMissingError',
      'OutboxPoolTooSmallError',
      'OutboxRegisteredTwiceError',
      'OutboxRelay',
      'OutboxReplayConflictError',
      'OutboxRepository',
      'OutboxRewind',
      'OutboxSavepointOverlapError',
      'OutboxTracing',
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
      'getEventsToken',
      'getInboxDeadLettersToken',
      'getInboxToken',
      'getOutboxToken',
      'getRelayToken',
      'getTracingToken',
      'getTransactionsToken',
      'getUpkeepToken',
      'outboxEntities',
    ]);
  });

  it('has the parts for tests apart', () => {
    expect(Object.keys(testing).toSorted()).toEqual(['OutboxTestingModule', 'TestingInbox', 'TestingOutboxRepository']);
  });

  it('has the metrics apart', () => {
    expect(Object.keys(metrics).toSorted()).toEqual([
      'InjectOutboxMetrics',
      'OutboxMetrics',
      'getMetricsToken',
      'outboxMetrics',
    ]);
  });

  it('has the health indicator apart', () => {
    expect(Object.keys(health)).toEqual(['OutboxHealthIndicator']);
  });

  it('has the migrations apart', () => {
    expect(Object.keys(migrations).toSorted()).toEqual([
      'AddInboxTables1764300000000',
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
      outboxed.EventInbox,
      outboxed.InboxDeadLetterRow,
    ]);
  });
});
