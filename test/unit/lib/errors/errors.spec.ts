import * as outboxed from 'nestjs-outboxed';

const cause = new Error('the cause');

/** One of each error that is exported. */
const errors: readonly outboxed.OutboxError[] = [
  new outboxed.InboxBatchStoppedError('orders[3]'),
  new outboxed.InboxDeadLetterNotFoundError('7'),
  new outboxed.InboxMessageBusyError('orders[3] offset 7'),
  new outboxed.InboxMessageIdMissingError('orders[3] offset 7', 'the option "id" has failed for it', { cause }),
  new outboxed.InboxMessageNotFoundError('Shipping.ship'),
  new outboxed.InboxOptionsInvalidError('Inbox.process', ['maxAttempts is 0']),
  new outboxed.OutboxArgumentInvalidError('the limit is wrong'),
  new outboxed.OutboxColumnsRenamedError('default', 'published_at', 'PUBLISHED_AT'),
  new outboxed.OutboxDataSourceMissingError('default'),
  new outboxed.OutboxDataSourceNotInitializedError('default'),
  new outboxed.OutboxDataSourceUnsupportedError('default', 'mysql'),
  new outboxed.OutboxDeadLetterNotFoundError('7'),
  new outboxed.OutboxDeadlockError('Process 1 waits', cause),
  new outboxed.OutboxEntitiesMissingError('default', ['EventOutbox']),
  new outboxed.OutboxEventIdTakenError('Key (id)=(7)', cause),
  new outboxed.OutboxEventInvalidError(['topic is missing']),
  new outboxed.OutboxForeignTransactionError('default'),
  new outboxed.OutboxIsolationMismatchError('default', 'READ COMMITTED', 'SERIALIZABLE'),
  new outboxed.OutboxMetricTakenError('outbox_queue_depth'),
  new outboxed.OutboxNotRegisteredError('Orders.place', 'default'),
  new outboxed.OutboxNothingToDrainToError('default'),
  new outboxed.OutboxOptionsInvalidError(['batchSize is 0']),
  new outboxed.OutboxPeerMissingError('enableMetrics: true', ['prom-client']),
  new outboxed.OutboxPoolTooSmallError('default'),
  new outboxed.OutboxRegisteredTwiceError('default'),
  new outboxed.OutboxReplayConflictError('7'),
  new outboxed.OutboxSavepointOverlapError('default', 'statement'),
  new outboxed.OutboxTransactionAbortedError(),
  new outboxed.OutboxTransactionEndedError('default', 'committed'),
  new outboxed.OutboxTransactionRequiredError('default'),
  new outboxed.OutboxedMisplacedError('Orders.place'),
  new outboxed.OutboxedResultMissingError('Orders.place'),
  new outboxed.OutboxedResultUnsupportedError('Orders.place', 'an Observable'),
];

const exportedNames = Object.entries<unknown>(outboxed)
  .filter(([, member]) => typeof member === 'function' && member.prototype instanceof outboxed.OutboxError)
  .map(([name]) => name);

describe('the errors', () => {
  it('are all looked at here', () => {
    expect(errors.map((error) => error.constructor.name).toSorted()).toEqual(exportedNames.toSorted());
  });

  it('have codes that differ', () => {
    expect(new Set(errors.map(({ code }) => code)).size).toBe(errors.length);
  });

  it('have these codes, which users rely on', () => {
    expect(Object.fromEntries(errors.map((error) => [error.constructor.name, error.code]))).toEqual({
      InboxBatchStoppedError: 'OUTBOX_INBOX_BATCH_STOPPED',
      InboxDeadLetterNotFoundError: 'OUTBOX_INBOX_DEAD_LETTER_NOT_FOUND',
      InboxMessageBusyError: 'OUTBOX_INBOX_MESSAGE_BUSY',
      InboxMessageIdMissingError: 'OUTBOX_INBOX_MESSAGE_ID_MISSING',
      InboxMessageNotFoundError: 'OUTBOX_INBOX_MESSAGE_NOT_FOUND',
      InboxOptionsInvalidError: 'OUTBOX_INBOX_OPTIONS_INVALID',
      OutboxArgumentInvalidError: 'OUTBOX_ARGUMENT_INVALID',
      OutboxColumnsRenamedError: 'OUTBOX_COLUMNS_RENAMED',
      OutboxDataSourceMissingError: 'OUTBOX_DATA_SOURCE_MISSING',
      OutboxDataSourceNotInitializedError: 'OUTBOX_DATA_SOURCE_NOT_INITIALIZED',
      OutboxDataSourceUnsupportedError: 'OUTBOX_DATA_SOURCE_UNSUPPORTED',
      OutboxDeadLetterNotFoundError: 'OUTBOX_DEAD_LETTER_NOT_FOUND',
      OutboxDeadlockError: 'OUTBOX_DEADLOCK',
      OutboxEntitiesMissingError: 'OUTBOX_ENTITIES_MISSING',
      OutboxEventIdTakenError: 'OUTBOX_EVENT_ID_TAKEN',
      OutboxEventInvalidError: 'OUTBOX_EVENT_INVALID',
      OutboxForeignTransactionError: 'OUTBOX_FOREIGN_TRANSACTION',
      OutboxIsolationMismatchError: 'OUTBOX_ISOLATION_MISMATCH',
      OutboxMetricTakenError: 'OUTBOX_METRIC_TAKEN',
      OutboxPeerMissingError: 'OUTBOX_PEER_MISSING',
      OutboxNotRegisteredError: 'OUTBOX_NOT_REGISTERED',
      OutboxNothingToDrainToError: 'OUTBOX_NOTHING_TO_DRAIN_TO',
      OutboxOptionsInvalidError: 'OUTBOX_OPTIONS_INVALID',
      OutboxPoolTooSmallError: 'OUTBOX_POOL_TOO_SMALL',
      OutboxRegisteredTwiceError: 'OUTBOX_REGISTERED_TWICE',
      OutboxReplayConflictError: 'OUTBOX_REPLAY_CONFLICT',
      OutboxSavepointOverlapError: 'OUTBOX_SAVEPOINT_OVERLAP',
      OutboxTransactionAbortedError: 'OUTBOX_TRANSACTION_ABORTED',
      OutboxTransactionEndedError: 'OUTBOX_TRANSACTION_ENDED',
      OutboxTransactionRequiredError: 'OUTBOX_TRANSACTION_REQUIRED',
      OutboxedMisplacedError: 'OUTBOX_DECORATOR_MISPLACED',
      OutboxedResultMissingError: 'OUTBOX_RESULT_MISSING',
      OutboxedResultUnsupportedError: 'OUTBOX_RESULT_UNSUPPORTED',
    });
  });

  it.each(errors.map((error) => [error.constructor.name, error] as const))(
    '%s is an OutboxError under its own name',
    (name, error) => {
      expect(error).toBeInstanceOf(outboxed.OutboxError);
      expect(error).toBeInstanceOf(Error);
      expect(error.name).toBe(name);
      expect(error.stack).toContain(error.message.split('\n')[0]);
    },
  );

  it('keep their cause', () => {
    expect(errors.map((error) => error.cause).filter((each) => each !== undefined)).toEqual([cause, cause, cause]);
  });

  it.each([
    [
      'the default data source',
      'default',
      'Import TypeOrmModule.forRoot({ type: "postgres", ..., autoLoadEntities: true }) beside OutboxModule.',
    ],
    ['a named one', 'billing', 'Import TypeOrmModule.forRoot({ name: "billing", ... })'],
  ])('say what to do where %s is missing', (_which, name, remedy) => {
    expect(new outboxed.OutboxDataSourceMissingError(name).message).toContain(remedy);
  });

  it('say which data source is not initialized, and both remedies', () => {
    expect(new outboxed.OutboxDataSourceNotInitializedError('billing').message).toMatch(
      /"billing".*manualInitialization.*dataSourceFactory/,
    );
  });

  it.each([
    ['@Outboxed', undefined, 'default', '@Outboxed()'],
    ['@IdempotentConsumer', '@IdempotentConsumer', 'default', '@IdempotentConsumer()'],
    ['a named data source', '@IdempotentConsumer', 'billing', "@IdempotentConsumer({ dataSource: 'billing' })"],
  ])('say which decorator has no outbox: %s', (_which, decorator, dataSource, shown) => {
    expect(new outboxed.OutboxNotRegisteredError('Shipping.ship', dataSource, decorator).message).toContain(
      `Shipping.ship is decorated with ${shown}, but no OutboxModule for the data source "${dataSource}"`,
    );
  });

  it('say which column was renamed, into what, and what the strategy has to do', () => {
    expect(new outboxed.OutboxColumnsRenamedError('billing', 'published_at', 'PUBLISHED_AT').message).toMatch(
      /"billing".*"published_at".*"PUBLISHED_AT".*columnName\(\)/,
    );
  });
});
