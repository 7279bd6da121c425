import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from '@nestjs/common';
import type { ResolvedOutboxOptions } from './config/outbox-options';
import { FailedMessages } from './inbox/failed-messages';
import { BatchHandling } from './inbox/handle-batch';
import { MessageHandling } from './inbox/handle-message';
import { ageOf } from './inbox/message-age';
import { TypeOrmInbox } from './inbox/typeorm-inbox';
import type { InboxMessage } from './interfaces/inbox-message';
import type { ActivitySink } from './interfaces/outbox-activity';
import type { OutboxTracing } from './observe/tracing/outbox-tracing';
import type { OutboxConnection } from './outbox-connection';
import { ClaimMessages } from './store/claim-messages';
import { recordFailedMessage } from './store/record-failed-message';
import { withinLimit } from './store/run-statement';
import type { TypeOrmOutboxRepository } from './write/typeorm-outbox.repository';

/** What the inbox works with. */
interface InboxSurroundings {
  readonly outbox: TypeOrmOutboxRepository;
  readonly tell: ActivitySink;
  readonly tracing: OutboxTracing;
  readonly logger: Logger;
}

/** Puts together what consumes. */
export function inboxOf(
  { preparedStatements }: ResolvedOutboxOptions,
  { dataSource, tables, transactions }: OutboxConnection,
  { outbox, tell, tracing, logger }: InboxSurroundings,
): TypeOrmInbox {
  const claims = new ClaimMessages(tables, preparedStatements);
  // Attempts are counted outside of whatever transaction the consumer runs in.
  const inOwnContext = AsyncLocalStorage.snapshot();
  const failures = new FailedMessages({
    transactions,
    record: (runner, failed) =>
      runner === undefined
        ? inOwnContext(() => withinLimit(dataSource, (own) => recordFailedMessage(own, tables, failed)))
        : recordFailedMessage(runner, tables, failed),
    addEvent: ({ event, json }) => outbox.addText(event, json),
    tell,
  });
  const told = {
    processed: (consumer: string, messages: readonly InboxMessage[]): void => {
      const now = Date.now();
      tell({ type: 'inbox-processed', consumer, ageSeconds: messages.map((message) => ageOf(message, now)) });
    },
    skipped: (consumer: string, count: number): void => {
      if (count > 0) {
        tell({ type: 'inbox-skipped', consumer, count });
      }
    },
  };
  const warn = (text: string): void => {
    logger.warn(text);
  };
  const one = new MessageHandling({ ...told, transactions, claim: claims.claim.bind(claims), failures, warn });
  const batch = new BatchHandling({ ...told, transactions, claimAll: claims.claimAll.bind(claims), one, warn });
  return new TypeOrmInbox(one, batch, (message, consumer, work) =>
    // A consumer with an instrumentation of its own is in the trace already.
    tracing.isActive && tracing.current() === undefined
      ? tracing.process({ ...message, consumerGroup: consumer }, work)
      : work(),
  );
}
