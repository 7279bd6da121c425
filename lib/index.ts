export { OutboxModule } from './outbox.module';
export type {
  OutboxModuleAsyncOptions,
  OutboxModuleExtras,
  OutboxModuleOptions,
  OutboxOptionsFactory,
} from './outbox-module.options';
export type { OutboxKafkaOptions, OutboxOptions, OutboxRetention } from './config/outbox-options';

export { Outboxed, type OutboxedDecorator, type OutboxedOptions } from './write/outboxed.decorator';
export type { OutboxedEventFields, OutboxedEventFunction, OutboxedField } from './write/outboxed-events';
export { OutboxRepository } from './write/outbox.repository';
export { getOutboxToken, getTransactionsToken, InjectOutbox, InjectTransactions } from './write/outbox-tokens';
export { OutboxTransactions, type OutboxTransaction } from './transaction/outbox-transactions';
export type { OutboxIsolationLevel, OutboxPropagation, OutboxTransactionOptions } from './transaction/propagation';
export type { TransactionHook } from './transaction/transaction-frame';
export type { OutboxEvent } from './interfaces/outbox-event';
export type { OutboxStats } from './interfaces/outbox-stats';

export { getDeadLettersToken, InjectDeadLetters } from './admin/dead-letters-tokens';
export { OutboxDeadLetters } from './admin/outbox-dead-letters';
export type {
  DeadLetter,
  DeadLetterDiscard,
  DeadLetterPage,
  DeadLetterQuery,
  DeadLetterReplay,
} from './interfaces/dead-letter';

export { EventOutbox } from './store/event-outbox.entity';
export { EventInbox } from './store/event-inbox.entity';
export { InboxDeadLetterRow } from './store/inbox-dead-letter.entity';
export { OutboxDeadLetter } from './store/outbox-dead-letter.entity';
export { OutboxLane } from './store/outbox-lane.entity';
export { OutboxRelay } from './store/outbox-relay.entity';
export { OutboxRewind } from './store/outbox-rewind.entity';
export { outboxEntities } from './store/outbox-entities';

export { EventRelayWorker } from './relay/event-relay.worker';
export type { DrainLimits, DrainResult } from './relay/drain';
export type { DeliveryCounts } from './relay/delivery-result';
export { getRelayToken } from './relay/relay-tokens';
export { OutboxUpkeep } from './upkeep/outbox-upkeep';
export type { OutboxUpkeepResult } from './upkeep/upkeep-pass';
export { getUpkeepToken } from './upkeep/upkeep-tokens';
export type {
  OutboxMessage,
  OutboxPublisher,
  PublishContext,
  PublishOutcome,
  PublishResult,
} from './interfaces/outbox-publisher';
export { InProcessPublisher, type InProcessHandler } from './publish/in-process.publisher';

export { Inbox } from './inbox/inbox';
export { getInboxToken, InjectInbox } from './inbox/inbox-tokens';
export { IdempotentConsumer, type IdempotentConsumerOptions } from './inbox/idempotent-consumer.decorator';
export type {
  InboxBatchOutcome,
  InboxBatchPayload,
  InboxConsumerOptions,
  InboxMessage,
  InboxOutcome,
  InboxPayload,
  InboxPayloadMessage,
} from './interfaces/inbox-message';
export { InboxDeadLetters } from './admin/inbox-dead-letters';
export { getInboxDeadLettersToken, InjectInboxDeadLetters } from './admin/dead-letters-tokens';
export type { InboxDeadLetter, InboxDeadLetterPage, InboxDeadLetterQuery } from './interfaces/inbox-dead-letter';

export { getEventsToken, getTracingToken, InjectOutboxEvents } from './observe/observe-tokens';
export { OutboxEvents } from './observe/outbox-events';
export { OutboxTracing, type ConsumedRecord } from './observe/tracing/outbox-tracing';
export type {
  ActivityEvent,
  EventTypeCount,
  OutboxActivity,
  OutboxErrorType,
  SilenceReason,
} from './interfaces/outbox-activity';

export { OutboxError } from './errors/outbox.error';
export {
  OutboxColumnsRenamedError,
  OutboxDataSourceMissingError,
  OutboxDataSourceNotInitializedError,
  OutboxDataSourceUnsupportedError,
  OutboxEntitiesMissingError,
  OutboxOptionsInvalidError,
  OutboxRegisteredTwiceError,
} from './errors/start-up.errors';
export { OutboxDeadLetterNotFoundError, OutboxReplayConflictError } from './errors/dead-letter.errors';
export {
  OutboxDeadlockError,
  OutboxForeignTransactionError,
  OutboxIsolationMismatchError,
  OutboxPoolTooSmallError,
  OutboxSavepointOverlapError,
  OutboxTransactionAbortedError,
  OutboxTransactionEndedError,
  OutboxTransactionRequiredError,
} from './errors/transaction.errors';
export { OutboxMetricTakenError, OutboxPeerMissingError } from './errors/observe.errors';
export {
  InboxBatchStoppedError,
  InboxDeadLetterNotFoundError,
  InboxMessageBusyError,
  InboxMessageIdMissingError,
  InboxMessageNotFoundError,
  InboxOptionsInvalidError,
} from './errors/inbox.errors';
export { OutboxNothingToDrainToError } from './errors/relay.errors';
export { OutboxArgumentInvalidError, OutboxEventIdTakenError, OutboxEventInvalidError } from './errors/event.errors';
export {
  OutboxedMisplacedError,
  OutboxedResultMissingError,
  OutboxedResultUnsupportedError,
  OutboxNotRegisteredError,
} from './errors/outboxed.errors';
