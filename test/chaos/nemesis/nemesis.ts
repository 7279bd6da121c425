import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultSpan } from '../checker/history';
import type { Chance } from '../random';
import type { Stage } from '../stage/stage';
import type { Fault } from './fault';

const SHORTEST_PAUSE_S = 1;
const LONGEST_PAUSE_S = 5;

/** Lets one fault after the other happen, in an order that the seed decides, until it is told to stop. */
export class Nemesis {
  readonly spans: FaultSpan[] = [];
  /** Of each kind, the last that happened while others did. */
  private readonly alongside = new Map<string, Promise<void>>();
  private deck: Fault[] = [];

  constructor(
    private readonly stage: Stage,
    /** Each is dealt once before one comes again. */
    private readonly faults: readonly Fault[],
    private readonly chance: Chance,
    private readonly log: (line: string) => void,
  ) {}

  /** Returns when all faults are over. */
  async rage(until: number): Promise<void> {
    while (Date.now() < until) {
      await sleep(this.chance.between(SHORTEST_PAUSE_S, LONGEST_PAUSE_S) * 1000);
      if (Date.now() < until) {
        await this.next(until);
      }
    }
    await Promise.all(this.alongside.values());
  }

  private async next(until: number): Promise<void> {
    if (this.deck.length === 0) {
      this.deck = this.chance.shuffled(this.faults);
    }
    const fault = this.deck.pop();
    if (fault === undefined) {
      return;
    }
    // One of a kind at a time, so that somebody is left for it.
    await this.alongside.get(fault.kind);
    if (Date.now() >= until) {
      return;
    }
    const happening = this.happen(fault);
    if (fault.alongside !== true) {
      await happening;
      return;
    }
    this.alongside.set(fault.kind, happening);
    // Its failure is met at the end.
    happening.catch(() => undefined);
  }

  private async happen({ kind, repeats, happen }: Fault): Promise<void> {
    const from = Date.now();
    const whom = await happen(this.stage, this.chance);
    const to = Date.now();
    this.spans.push({ kind, from, to, repeats });
    this.log(`${kind}: ${whom}, for ${((to - from) / 1000).toFixed(1)} s`);
  }
}
