import type { OutboxMessage, OutboxPublisher } from '../../lib/interfaces/outbox-publisher';
import { eventually } from '../integration/support/eventually';
import { Deliveries, type WrittenRecord } from './deliveries';

/** Where a publisher sends to, started for the tests. */
export interface Destination {
  /** A new publisher, not yet connected. */
  publisher(): OutboxPublisher;
  /** A new topic. */
  createTopic(): Promise<string>;
  /** All that stands in a topic, the records of each key in their order. */
  read(topic: string): Promise<readonly WrittenRecord[]>;
  /** Keys that fail and succeed independently of one another, as far as there is such a thing; at least six. */
  readonly keys: readonly string[];
  /** A topic that is refused, if there is such a thing. */
  readonly refusedTopic?: string;
  /** The message, so changed that it is refused for its own fault. */
  refused(message: OutboxMessage): OutboxMessage;
  /** How long a call of `publish` may take at most, and `disconnect`. */
  readonly longestMs: { readonly publish: number; readonly disconnect: number };
  /** How many connections the publishers have open. */
  openConnections(): number;
  stop(): Promise<void>;
}

/** Something that befalls what stands between the publisher and its topics. No message is at fault. */
export interface Fault<D extends Destination> {
  readonly name: string;
  /** Whether it lasts until it is ended, or strikes once. */
  readonly lasts: boolean;
  /** From here on, some call of `publish` fails. */
  begin(destination: D): Promise<void> | void;
  /** All is well again. */
  end(destination: D): Promise<void> | void;
}

export interface PublisherUnderTest<D extends Destination> {
  start(): Promise<D>;
  readonly faults: readonly Fault<D>[];
  /** `describe`, or what skips it where the destination cannot be had. */
  readonly describe?: jest.Describe;
}

/** Enough for several requests, where a publisher has a limit of about a megabyte. */
const LARGE = 150_000;

/** Declares the tests that a publisher must pass, whatever it publishes to. */
export function describePublisher<D extends Destination>(name: string, tested: PublisherUnderTest<D>): void {
  (tested.describe ?? describe)(`A publisher: ${name}`, () => {
    let destination: D;
    let publisher: OutboxPublisher;
    let deliveries: Deliveries;
    let topic: string;

    beforeAll(async () => {
      destination = await tested.start();
    });
    afterAll(() => destination?.stop());

    beforeEach(async () => {
      topic = await destination.createTopic();
      publisher = destination.publisher();
      deliveries = new Deliveries(publisher, destination.longestMs.publish);
    });
    afterEach(() => publisher.disconnect());

    const check = async (): Promise<void> => deliveries.check(topic, await destination.read(topic));
    const disconnect = async (): Promise<void> => {
      const began = performance.now();
      await publisher.disconnect();
      expect(performance.now() - began).toBeLessThan(destination.longestMs.disconnect);
    };

    it('does nothing with an empty batch', async () => {
      await publisher.connect();
      await expect(deliveries.publish()).resolves.toEqual({ outcomes: [], became: '' });
    });

    it('writes each message once, byte for byte, the ones of a key in their order', async () => {
      await publisher.connect();
      for (let batch = 0; batch < 5; batch++) {
        deliveries.add(topic, destination.keys, 50);
        const { became, unavailable } = await deliveries.publish();
        expect([became, unavailable]).toEqual(['P'.repeat(50), undefined]);
      }
      expect(await destination.read(topic)).toHaveLength(250);
      await check();
    });

    it('publishes without having been connected', async () => {
      deliveries.add(topic, destination.keys, 5);
      // As the relay does, again: to a busy machine a first connection may take longer than one try.
      await eventually('all of them', async () => {
        await deliveries.publish();
        return deliveries.pending.length === 0;
      });
      await check();
    });

    it('publishes more than goes into one request', async () => {
      deliveries.add(topic, destination.keys, 40, LARGE);
      await expect(deliveries.publish()).resolves.toMatchObject({ became: 'P'.repeat(40) });
      expect(await destination.read(topic)).toHaveLength(40);
      await check();
    });

    it('sends nothing where it may not begin', async () => {
      deliveries.add(topic, destination.keys, 5);
      const { became, unavailable } = await deliveries.publish({ mayContinue: () => false });
      expect([became, unavailable]).toEqual(['rrrrr', undefined]);
      expect(await destination.read(topic)).toEqual([]);
    });

    it('sends nothing more once it must not go on, and may again', async () => {
      deliveries.add(topic, destination.keys, 40, LARGE);
      const answers = [true, true, false];
      const { became, unavailable } = await deliveries.publish({ mayContinue: () => answers.shift() ?? true });
      expect(unavailable).toBeUndefined();
      expect(became).toMatch(/^P+r+$/);
      expect(await destination.read(topic)).toHaveLength(became.lastIndexOf('P') + 1);
      await deliveries.finish();
      await check();
    });

    it('rejects a message that is refused, keeps its key back, and publishes all others', async () => {
      const messages = deliveries.add(topic, destination.keys, destination.keys.length * 4);
      const culprit = messages[destination.keys.length]!;
      deliveries.replace(culprit, destination.refused(culprit));
      const { outcomes, unavailable } = await deliveries.publish();
      expect(unavailable).toBeUndefined();
      expect(outcomes[destination.keys.length]).toEqual({ status: 'rejected', reason: expect.any(String) as string });
      messages.forEach(({ key }, index) => {
        if (key !== culprit.key) {
          expect(outcomes[index]?.status).toBe('published');
        } else if (index > destination.keys.length) {
          expect(outcomes[index]?.status).toBe('retry');
        }
      });
      await check();
    });

    it('loses nothing after a refusal: the same number of messages again, to each of the others (kafkajs did)', async () => {
      const others = destination.keys.slice(3);
      for (const [index, key] of destination.keys.slice(0, 3).entries()) {
        const count = index + 1;
        const [culprit] = deliveries.add(topic, [key], 1);
        deliveries.replace(culprit!, destination.refused(culprit!));
        deliveries.add(topic, others, others.length * count);
        const { outcomes } = await deliveries.publish();
        expect(outcomes[0]?.status).toBe('rejected');
        for (const other of others) {
          deliveries.add(topic, [other], count);
          await expect(deliveries.publish()).resolves.toMatchObject({ became: 'P'.repeat(count) });
        }
        await check();
      }
    });

    it('rejects messages to a topic that is refused, and publishes those to others', async () => {
      const { refusedTopic } = destination;
      if (refusedTopic === undefined) {
        return;
      }
      deliveries.add(topic, ['a', 'b'], 4);
      deliveries.add(refusedTopic, ['x', 'y'], 4);
      deliveries.add(topic, ['a', 'b', 'c'], 3);
      const { became, unavailable } = await deliveries.publish();
      expect([became, unavailable]).toEqual(['PPPPXXrrPPP', undefined]);
      await check();
    });

    it('leaves no connection open once it is disconnected, however often', async () => {
      await disconnect();
      await publisher.connect();
      deliveries.add(topic, destination.keys, 5);
      await deliveries.publish();
      await disconnect();
      await disconnect();
      await eventually('the connections to be closed', () => destination.openConnections() === 0, { seconds: 2 });
    });

    for (const fault of tested.faults) {
      describe(`when ${fault.name}`, () => {
        afterEach(() => fault.end(destination));

        const failOnce = async (): Promise<void> => {
          const { outcomes, unavailable } = await deliveries.publish();
          expect(unavailable).toEqual(expect.any(String));
          // It is nobody's own fault.
          expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
          expect(outcomes.filter(({ status }) => status === 'retry')).not.toEqual([]);
        };

        it('publishes nothing that is not written, keeps the order of each key, and goes on by itself', async () => {
          await publisher.connect();
          deliveries.add(topic, destination.keys, 20);
          // Not at once: a broker on which the fault was tried before may not be quite well yet.
          await deliveries.finish();
          deliveries.add(topic, destination.keys, 20, LARGE);
          await fault.begin(destination);
          await failOnce();
          deliveries.add(topic, destination.keys, 20);
          await fault.end(destination);
          await deliveries.finish();
          // The same number again, which is what an idempotent producer may take for a repetition.
          for (let batch = 0; batch < 3; batch++) {
            deliveries.add(topic, destination.keys, 20);
            await deliveries.finish();
          }
          await check();
          await disconnect();
          await eventually('the connections to be closed', () => destination.openConnections() === 0);
        });

        if (fault.lasts) {
          it('from the beginning, goes on by itself', async () => {
            await fault.begin(destination);
            await publisher.connect().catch(() => undefined);
            deliveries.add(topic, destination.keys, 10);
            await failOnce();
            await fault.end(destination);
            await deliveries.finish();
            await check();
          });

          it('ends all the same', async () => {
            await publisher.connect();
            await fault.begin(destination);
            deliveries.add(topic, destination.keys, 10);
            await failOnce();
            await disconnect();
            await fault.end(destination);
            await eventually('the connections to be closed', () => destination.openConnections() === 0);
          });
        }
      });
    }
  });
}
