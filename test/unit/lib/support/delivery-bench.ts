import { setImmediate } from 'node:timers/promises';
import type { OutboxActivity } from '../../../../lib/interfaces/outbox-activity';
import type { OutboxMessage, PublishContext, PublishResult } from '../../../../lib/interfaces/outbox-publisher';
import { BatchSender } from '../../../../lib/relay/batch-sender';
import { Delivery } from '../../../../lib/relay/delivery';
import type { DeliveryLimits, DeliveryResult } from '../../../../lib/relay/delivery-result';
import { DueWork } from '../../../../lib/relay/due-work';
import { LaneCursors } from '../../../../lib/relay/lane-cursors';
import { RelayReport } from '../../../../lib/relay/relay-report';
import type { RelayStore } from '../../../../lib/relay/relay-store';
import type { Recorded, Settlement, Verdict } from '../../../../lib/relay/settlement';
import { WaitingEvents } from '../../../../lib/relay/waiting-events';
import type { FetchedBatch, PendingQuery, RewindRequest } from '../../../../lib/store/fetch-pending';
import type { PendingEvent } from '../../../../lib/store/pending-event';
import { aPendingEvent } from './a-pending-event';
import { FakeLeases } from './fake-leases';
import { ManualClock } from './manual-clock';

/** Something that is under way until the test ends it. */
interface Step<T> {
  readonly end: (result: T) => void;
  readonly fail: (error: Error) => void;
}

export const BATCH_SIZE = 4;

/** Lets everything happen that waits for nothing but its turn. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    await setImmediate();
  }
}

/**
 * A delivery with all of its parts, over a table that is a list, and a broker that takes everything. Each fetch, send and settling is written into
 * the log with its end; those that a test holds last until it ends them.
 */
export class DeliveryBench {
  readonly log: string[] = [];
  /** What is pending: lane 1, unless the test says otherwise. */
  readonly table = new Map<number, PendingEvent>();
  readonly leases = new FakeLeases([1, 2]);
  readonly clock = new ManualClock();
  readonly waiting = new WaitingEvents(60, this.clock.read);
  readonly cursors = new LaneCursors(BATCH_SIZE);
  readonly queries: PendingQuery[] = [];
  readonly activities: OutboxActivity[] = [];
  /** The kinds of step that last until the test ends them. */
  readonly held = new Set<'fetch' | 'send' | 'settle'>();
  /** Those that are under way, in their order. */
  readonly underWay = {
    fetch: [] as Step<undefined>[],
    send: [] as Step<undefined>[],
    settle: [] as Step<undefined>[],
  };
  /** What a fetch adds to what it has found. */
  fetched: (batch: FetchedBatch) => FetchedBatch = (batch) => batch;
  /** What the broker says to a batch. */
  answer = (batch: readonly OutboxMessage[], _context: PublishContext): PublishResult => ({
    outcomes: batch.map(() => ({ status: 'published' as const })),
  });
  /** Whether a settling finds that its lanes are still owned. */
  fenced = false;
  readonly store = {
    fetch: (query: PendingQuery): Promise<FetchedBatch> => this.fetch(query),
    dueRetries: jest.fn<Promise<PendingEvent[]>, [number[], number, number]>(() => Promise.resolve([])),
    ripen: jest.fn(() => Promise.resolve(0)),
    deleteRewinds: jest.fn((_owner: string, requests: RewindRequest[]) =>
      Promise.resolve(void this.log.push(`delete ${requests.map(({ id }) => id).join()}`)),
    ),
  };
  readonly delivery: Delivery;
  mostSends = 0;
  private sends = 0;

  constructor() {
    const publisher = {
      connect: () => Promise.resolve(),
      publish: (batch: readonly OutboxMessage[], context: PublishContext) => this.publish(batch, context),
      disconnect: () => Promise.resolve(),
    };
    const settlement = {
      judge: (events: readonly PendingEvent[], outcomes: PublishResult['outcomes']) => judge(events, outcomes),
      record: (verdict: Verdict) => this.record(verdict),
    } as unknown as Settlement;
    const store = this.store as unknown as RelayStore;
    const leases = this.leases.asLeases;
    const report = new RelayReport((activity) => void this.activities.push(activity));
    const sender = new BatchSender(publisher, leases, settlement, '/orders', report, this.clock.read);
    const options = { batchSize: BATCH_SIZE, maxBatchBytes: 5000, afterDeadLetter: 'continue' as const };
    const dueWork = new DueWork(store, sender, leases, this.cursors, this.waiting, options, this.clock.read);
    this.delivery = new Delivery(
      store, sender, dueWork, leases, this.cursors, this.waiting, options, this.clock.read,
    ); // prettier-ignore
  }

  /** Puts events into the table; their ids are their numbers. */
  add(seqs: readonly number[], changes: Partial<PendingEvent> = {}): void {
    seqs.forEach((seq) => this.table.set(seq, aPendingEvent({ seq, id: `${seq}`, lane: 1, ...changes })));
  }

  run(limits: Partial<DeliveryLimits> = {}): Promise<DeliveryResult> {
    return this.delivery.run({ mayGoOn: () => true, events: Infinity, ...limits });
  }

  /** Ends the oldest step of a kind that is under way. */
  async end(kind: 'fetch' | 'send' | 'settle', error?: Error): Promise<void> {
    const step = this.underWay[kind].shift();
    if (step === undefined) {
      throw new Error(`no ${kind} is under way`);
    }
    if (error === undefined) {
      step.end(undefined);
    } else {
      step.fail(error);
      // Node tells of a failure that nobody handles when no turn is left.
      await setImmediate();
    }
    await turns();
  }

  /** The log since the last look at it. */
  news(): string[] {
    return this.log.splice(0);
  }

  private async fetch(query: PendingQuery): Promise<FetchedBatch> {
    this.queries.push(query);
    const offered = [...this.table.values()]
      .filter(({ lane, seq, attempts }) => attempts === 0 && seq > (query.heads.get(lane) ?? Infinity))
      .sort((a, b) => a.seq - b.seq);
    const found = new Map<number, number>();
    offered.forEach(({ lane }) => found.set(lane, (found.get(lane) ?? 0) + 1));
    const events = offered.slice(0, query.limit);
    const batch = this.fetched({
      events,
      snapshot: { xmax: '1', running: [] },
      lateFound: 0,
      lateUnknown: false,
      found,
      reached: new Map(),
      rewinds: [],
      waiting: query.lookForWaiting ? { due: null, held: false } : undefined,
    });
    await this.step('fetch', batch.events);
    return batch;
  }

  private async publish(batch: readonly OutboxMessage[], context: PublishContext): Promise<PublishResult> {
    this.mostSends = Math.max(this.mostSends, ++this.sends);
    try {
      await this.step('send', batch);
      return this.answer(batch, context);
    } finally {
      this.sends--;
    }
  }

  private async record({ published, rejected }: Verdict): Promise<Recorded> {
    if (published.length + rejected.length === 0) {
      return { published, rejected };
    }
    await this.step('settle', [...published, ...rejected]);
    if (this.fenced) {
      return { published: [], rejected: [] };
    }
    published.forEach(({ seq }) => this.table.delete(seq));
    rejected.forEach(({ seq, retryInSeconds, ...event }) => {
      if (retryInSeconds === null) {
        this.table.delete(seq);
      } else {
        this.table.set(seq, { ...event, seq, attempts: event.attempts + 1 });
      }
    });
    return { published, rejected };
  }

  private async step(kind: 'fetch' | 'send' | 'settle', what: readonly { readonly id: string }[]): Promise<void> {
    const name = `${kind} ${what.map(({ id }) => id).join()}`;
    this.log.push(name);
    if (this.held.has(kind)) {
      await new Promise<undefined>((resolve, reject) => this.underWay[kind].push({ end: resolve, fail: reject }));
    }
  }
}

/** As the settlement does, without chance: a second refusal is the last. */
function judge(events: readonly PendingEvent[], outcomes: PublishResult['outcomes']): Verdict {
  const of = (...status: unknown[]): PendingEvent[] => events.filter((_, i) => status.includes(outcomes[i]?.status));
  const rejected = of('rejected').map((event) => ({
    ...event,
    reason: 'too large',
    retryInSeconds: event.attempts === 0 ? 30 : null,
  }));
  return { published: of('published'), rejected, unsent: of('retry', undefined) };
}
