import { EventOutbox } from './event-outbox.entity';
import { OutboxLane } from './outbox-lane.entity';

/** The entities of the outbox, for data sources without `autoLoadEntities` and for the `data-source.ts` of the TypeORM CLI. */
export const outboxEntities = [EventOutbox, OutboxLane] as const;
