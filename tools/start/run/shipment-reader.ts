import type { EventReader } from './event-reader';
import type { ConsumedEvent } from './tally';
import type { Witness } from './witness';

/** Without Kafka the shop's own shipping part is the only consumer: what it recorded, and what it recognised as delivered before. */
export class ShipmentReader implements EventReader {
  readonly trouble = undefined;

  constructor(
    private readonly witness: Witness,
    private readonly shopUrl: string,
  ) {}

  async read(): Promise<readonly ConsumedEvent[]> {
    const events = await this.witness.shipments();
    const { redeliveries } = (await (await fetch(`${this.shopUrl}/shipments/stats`)).json()) as {
      redeliveries: number;
    };
    const [first] = events;
    // Which ones were delivered again is not known, only how many.
    return first === undefined ? events : [...events, ...Array.from({ length: redeliveries }, () => first)];
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
