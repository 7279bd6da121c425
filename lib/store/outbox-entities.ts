import { EventInbox } from './event-inbox.entity';
import { EventOutbox } from './event-outbox.entity';
import { InboxDeadLetterRow } from './inbox-dead-letter.entity';
import { OutboxDeadLetter } from './outbox-dead-letter.entity';
import { OutboxLane } from './outbox-lane.entity';
import { OutboxRelay } from './outbox-relay.entity';
import { OutboxRewind } from './outbox-rewind.entity';

/** The entities of the outbox, for data sources without `autoLoadEntities` and for the `data-source.ts` of the TypeORM CLI. */
export const outboxEntities = [
  EventOutbox,
  OutboxDeadLetter,
  OutboxLane,
  OutboxRelay,
  OutboxRewind,
  EventInbox,
  InboxDeadLetterRow,
] as const;
