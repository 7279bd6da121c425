import { AsyncLocalStorage } from 'node:async_hooks';
import type { ResolvedOutboxOptions } from './config/outbox-options';
import type { ActivitySink } from './interfaces/outbox-activity';
import type { OutboxPublisher } from './interfaces/outbox-publisher';
import type { OutboxConnection } from './outbox-connection';
import { askAfterPublisher } from './relay/ask-after-publisher';
import { BatchSender } from './relay/batch-sender';
import { Delivery } from './relay/delivery';
import type { DeliveryLimits, DeliveryResult } from './relay/delivery-result';
import { Drain } from './relay/drain';
import { DueWork } from './relay/due-work';
import type { RelayParts } from './relay/event-relay.worker';
import { LaneCursors } from './relay/lane-cursors';
import { LaneLeases } from './relay/lane-leases';
import { monotonicClock } from './time/monotonic-clock';
import { RelayLoop } from './relay/relay-loop';
import { RelayReport } from './relay/relay-report';
import { RelayStore } from './relay/relay-store';
import { Settlement } from './relay/settlement';
import { SignOfLife } from './relay/sign-of-life';
import { WaitingEvents } from './relay/waiting-events';
import { WakeUpReceiver } from './relay/wake-up-receiver';
import type { WakeUpSender } from './relay/wake-up-sender';
import { WatchedPublisher } from './relay/watched-publisher';
import { poolSize } from './transaction/second-connection';

/** What the relay works with. */
interface RelaySurroundings {
  readonly sender: WakeUpSender;
  readonly tell: ActivitySink;
  readonly tracing: { publisher(publisher: OutboxPublisher): Pick<OutboxPublisher, 'publish'> };
}

/** Puts together what delivers. */
export function relayParts(
  options: ResolvedOutboxOptions & { readonly owner: string },
  { dataSource, tables }: OutboxConnection,
  publisher: OutboxPublisher,
  { sender: wakeUps, tell, tracing }: RelaySurroundings,
): RelayParts {
  const inOwnContext = AsyncLocalStorage.snapshot();
  const report = new RelayReport(tell);
  const watched = new WatchedPublisher(tracing.publisher(publisher), options.leaseSeconds, report);
  const cursors = new LaneCursors(options.batchSize);
  const waiting = new WaitingEvents(options.pollIntervalSeconds, monotonicClock);
  const leases: LaneLeases = new LaneLeases(dataSource, tables, options, monotonicClock, {
    onChange: () => {
      // Other lanes may have other events that wait.
      waiting.forget();
    },
    onLost: (lanes) => {
      report.lanesLost(lanes);
    },
    onReleased: (lanes) => {
      report.lanesReleased(lanes);
    },
    onTaken: (lanes) => {
      report.lanesTaken(lanes);
      // Lanes that drain() takes are for it alone.
      if (options.relay) {
        loop.wake();
      }
    },
    inFlight: () => delivery.settled(),
    tellOthers: () => wakeUps.shares(),
    lifeLock: () => signOfLife.lock,
    isStuck: () => watched.isHanging,
  });
  const receiver = new WakeUpReceiver(leases, options.owner, () => {
    loop.wake();
  });
  const signOfLife: SignOfLife = new SignOfLife(dataSource, tables, poolSize(dataSource), report, Math.random, {
    // A connection gives its messages in the context in which it was opened, which may be that of a transaction long over.
    onMessage: (payload) => {
      inOwnContext(() => {
        receiver.receive(payload);
      });
    },
    onLock: () => leases.keep(true),
  });
  const store = new RelayStore(dataSource, tables, options.preparedStatements);
  const settlement = new Settlement(dataSource, tables, options, Math.random);
  const sender = new BatchSender(watched, leases, settlement, options.source, report, monotonicClock);
  const dueWork = new DueWork(store, sender, leases, cursors, waiting, options, monotonicClock);
  const delivery = new Delivery(store, sender, dueWork, leases, cursors, waiting, options, monotonicClock);
  const loop = new RelayLoop(
    async (limits) => {
      const result = await delivery.run({ ...limits, events: Infinity });
      if (result.ended === 'idle') {
        await askAfterPublisher(publisher, report);
      }
      return result;
    },
    report,
    Math.random,
    () => waiting.nextDueMs,
  );
  const reported = async (limits: DeliveryLimits): Promise<DeliveryResult> => {
    const result = await delivery.run(limits);
    if (typeof result.ended === 'object') {
      report.publisherUnavailable(result.ended.unavailable);
    }
    return result;
  };
  const drain = new Drain({ run: reported }, leases, publisher, !options.relay, options.leaseSeconds);
  const { relay, pollIntervalSeconds, leaseSeconds, shutdownSeconds } = options;
  return { loop, drain, leases, signOfLife, publisher, relay, pollIntervalSeconds, leaseSeconds, shutdownSeconds };
}
