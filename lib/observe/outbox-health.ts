import type { SilenceReason } from '../interfaces/outbox-activity';
import type { MonotonicClock } from '../time/monotonic-clock';
import type { TableReading } from '../store/read-gauges';
import type { RelayCondition } from './relay-condition';

/** When the outbox is no longer healthy. */
export interface OutboxHealthLimits {
  /** Seconds for which database or broker may be out of reach. Default: `30`. */
  readonly maxUnreachableSeconds?: number | undefined;
  /** Most seconds that the oldest event may have been due. Default: `300`. */
  readonly maxOldestPendingSeconds?: number | undefined;
}

/** What the outbox looks like from this process. Nothing in it is secret: no addresses, no names, no texts of errors. */
export interface OutboxHealthDetails extends Readonly<Record<string, unknown>> {
  readonly database: 'reachable' | 'unreachable';
  /** `unused`: this process does not deliver. */
  readonly publisher: 'reachable' | 'unreachable' | 'hanging' | 'unused';
  /** For how long what is out of reach has been so; 0 if nothing is. */
  readonly unreachableSeconds: number;
  /** Null while the database cannot be read. */
  readonly pending: number | null;
  readonly oldestPendingSeconds: number | null;
  readonly heldKeys: number | null;
  readonly deadLetters: number | null;
  /** Why nothing is delivered although something is due; null if that is not so. */
  readonly silent: SilenceReason | null;
}

export interface OutboxHealthReport {
  readonly healthy: boolean;
  readonly details: OutboxHealthDetails;
}

const DEFAULTS = { maxUnreachableSeconds: 30, maxOldestPendingSeconds: 300 };

/** Whether the outbox does its work, as far as this process can tell. */
export class OutboxHealth {
  private unreadableSince: number | undefined;

  constructor(
    private readonly condition: RelayCondition,
    private readonly readTable: () => Promise<TableReading>,
    private readonly relay: boolean,
    private readonly clock: MonotonicClock,
  ) {}

  async check(limits: OutboxHealthLimits = {}): Promise<OutboxHealthReport> {
    const {
      maxUnreachableSeconds = DEFAULTS.maxUnreachableSeconds,
      maxOldestPendingSeconds = DEFAULTS.maxOldestPendingSeconds,
    } = limits;
    const asked = this.clock();
    const reading = await this.readTable().catch(() => undefined);
    this.unreadableSince = reading === undefined ? (this.unreadableSince ?? asked) : undefined;
    const { publisherDownSince, publisherHangs, databaseDownSince, silence } = this.condition;
    const databaseSince = earliest(this.unreadableSince, databaseDownSince);
    const unreachableSeconds = Math.max(
      ...[databaseSince, publisherDownSince].map((since) => (since === undefined ? 0 : (this.clock() - since) / 1000)),
    );
    const oldest = reading?.oldestPendingSeconds ?? null;
    return {
      healthy:
        unreachableSeconds <= maxUnreachableSeconds &&
        !publisherHangs &&
        (oldest ?? 0) <= maxOldestPendingSeconds &&
        // A key that waits is a matter of its events, and no reason to take an instance out of service.
        (silence === undefined || silence.reason === 'keys_held'),
      details: {
        database: databaseSince === undefined ? 'reachable' : 'unreachable',
        publisher: !this.relay
          ? 'unused'
          : publisherHangs
            ? 'hanging'
            : publisherDownSince === undefined
              ? 'reachable'
              : 'unreachable',
        unreachableSeconds: Math.round(unreachableSeconds),
        pending: reading?.pending ?? null,
        oldestPendingSeconds: oldest === null ? null : Math.round(oldest),
        heldKeys: reading?.heldKeys ?? null,
        deadLetters: reading?.deadLetters ?? null,
        silent: silence?.reason ?? null,
      },
    };
  }
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
