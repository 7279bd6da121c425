import fc from 'fast-check';
import type { OutboxMessage, PublishResult } from '../../../../lib/interfaces/outbox-publisher';
import type { SendFailure } from '../../../../lib/publish/kafka-errors';
import { byTopic, sendBatch, type SendResult } from '../../../../lib/publish/send-batch';
import { aMessage } from '../support/a-message';
import { answering, mayGoOn } from '../support/publish-context';

const tooLarge: SendFailure = { fault: 'message', reason: 'too large' };
const unknownTopic: SendFailure = { fault: 'topic', reason: 'unknown topic' };
const noBroker: SendFailure = { fault: 'broker', reason: 'no broker' };

/** Sends with what decides on each request, and notes the requests. */
async function send(
  batch: readonly OutboxMessage[],
  decide: (ids: readonly string[]) => SendResult,
  context = mayGoOn,
): Promise<{ result: PublishResult; requests: string[]; became: string }> {
  const requests: string[] = [];
  const result = await sendBatch(
    batch,
    (messages) => {
      const ids = messages.map(({ id }) => id);
      requests.push(ids.join(''));
      return Promise.resolve(decide(ids));
    },
    context,
  );
  const letter = { published: 'P', rejected: 'X', retry: 'r' };
  return { result, requests, became: result.outcomes.map(({ status }) => letter[status]).join('') };
}

/** Messages with one letter each as id, and as key unless keys are given. */
function letters(ids: string, keys = ids): OutboxMessage[] {
  return Array.from(ids).map((id, index) => aMessage(id, { key: keys[index] ?? id }));
}

describe('a batch', () => {
  it('that is empty needs no request', async () => {
    await expect(send([], () => noBroker)).resolves.toEqual({ result: { outcomes: [] }, requests: [], became: '' });
  });

  it('that the broker takes is published with one request', async () => {
    const { result, requests, became } = await send(letters('abc'), () => undefined);
    expect([requests, became]).toEqual([['abc'], 'PPP']);
    expect(result).not.toHaveProperty('unavailable');
  });

  describe('with a message that the broker refuses', () => {
    const refuses =
      (culprits: string) =>
      (ids: readonly string[]): SendFailure | undefined =>
        ids.some((id) => culprits.includes(id)) ? tooLarge : undefined;

    it('is halved until the culprit stands alone, the halves in their order', async () => {
      const { requests, became, result } = await send(letters('abcdefgh'), refuses('f'));
      expect(requests).toEqual(['abcdefgh', 'abcd', 'efgh', 'ef', 'e', 'f', 'gh']);
      expect(became).toBe('PPPPPXPP');
      expect(result.outcomes[5]).toEqual({ status: 'rejected', reason: 'too large' });
    });

    it('is halved where it has an odd number, too', async () => {
      const { requests, became } = await send(letters('abcde'), refuses('e'));
      expect([requests, became]).toEqual([['abcde', 'abc', 'de', 'd', 'e'], 'PPPPX']);
    });

    it.each([
      ['a', 'X'],
      ['abc', 'XXX'],
    ])('has all culprits found: all of %s', async (ids, became) => {
      await expect(send(letters(ids), refuses(ids))).resolves.toMatchObject({ became });
    });

    it('keeps what comes after it of the same key back, and of no other', async () => {
      const { requests, became } = await send(letters('abcd', 'kkjk'), refuses('b'));
      expect(requests).toEqual(['abcd', 'ab', 'a', 'b', 'c']);
      expect(became).toBe('PXPr');
    });

    it('sends nothing where all the rest is of its key', async () => {
      const { requests, became } = await send(letters('abc', 'kkk'), refuses('a'));
      expect([requests, became]).toEqual([['abc', 'ab', 'a'], 'Xrr']);
    });

    it('keeps its key back also in the next request', async () => {
      const large = 'x'.repeat(600_000);
      const batch = [
        aMessage('a', { key: 'k', value: large }),
        aMessage('b', { key: 'k', value: large }),
        aMessage('c', { key: 'j' }),
      ];
      const { requests, became } = await send(batch, refuses('a'));
      expect([requests, became]).toEqual([['a', 'c'], 'XrP']);
    });
  });

  describe('to a topic that the broker refuses', () => {
    const to = (id: string, topic: string, key = id): OutboxMessage => aMessage(id, { topic, key });

    it('has the first message of each key rejected at once, where it has no other topic', async () => {
      const { requests, became, result } = await send(letters('abcd', 'kjkj'), () => unknownTopic);
      expect([requests, became]).toEqual([['abcd'], 'XXrr']);
      expect(result.outcomes[0]).toEqual({ status: 'rejected', reason: 'unknown topic' });
    });

    it('is sent topic by topic where it has other topics', async () => {
      const batch = [to('a', 'good'), to('b', 'bad'), to('c', 'bad'), to('d', 'good')];
      const topics = new Map(batch.map(({ id, topic }) => [id, topic]));
      const { requests, became } = await send(batch, (ids) =>
        ids.some((id) => topics.get(id) === 'bad') ? unknownTopic : undefined,
      );
      expect(requests).toEqual(['abcd', 'ad', 'bc']);
      expect(became).toBe('PXXP');
    });

    it('needs one request for each topic, however many messages it has and however they are mixed', async () => {
      const batch = Array.from({ length: 100 }, (_, index) =>
        to(`${index}`, ['good', 'bad', 'fine', 'worse'][index % 4] ?? ''),
      );
      const topics = new Map(batch.map(({ id, topic }) => [id, topic]));
      const sent: string[][] = [];
      const { outcomes } = await sendBatch(
        batch,
        (messages) => {
          const names = [...new Set(messages.map(({ id }) => topics.get(id) ?? ''))];
          sent.push(names);
          return Promise.resolve(names.includes('bad') || names.includes('worse') ? unknownTopic : undefined);
        },
        mayGoOn,
      );
      expect(sent).toEqual([['good', 'bad', 'fine', 'worse'], ['good'], ['bad'], ['fine'], ['worse']]);
      expect(outcomes.map(({ status }) => status)).toEqual(
        batch.map(({ topic }) => (topic === 'good' || topic === 'fine' ? 'published' : 'rejected')),
      );
    });

    it('has a refused message of one of its topics found by halving that topic alone', async () => {
      const batch = [to('a', 'bad'), to('b', 'good'), to('c', 'good'), to('d', 'bad')];
      const { requests, became, result } = await send(batch, (ids) => {
        if (ids.includes('a')) {
          return unknownTopic;
        }
        return ids.includes('c') ? tooLarge : undefined;
      });
      expect(requests).toEqual(['abcd', 'ad', 'bc', 'b', 'c']);
      expect(became).toBe('XPXX');
      expect(result.outcomes[2]).toEqual({ status: 'rejected', reason: 'too large' });
    });

    it('has no further topic sent once the broker is away', async () => {
      const batch = [to('a', 'one'), to('b', 'two'), to('c', 'three')];
      const { requests, became, result } = await send(batch, (ids) => {
        if (ids.length > 1) {
          return unknownTopic;
        }
        return ids.includes('b') ? noBroker : undefined;
      });
      expect([requests, became]).toEqual([['abc', 'a', 'b'], 'Prr']);
      expect(result.unavailable).toBe('no broker');
    });

    it('has a key that goes on in another topic kept back', async () => {
      const batch = [to('a', 'bad', 'k'), to('b', 'good', 'k'), to('c', 'good', 'j')];
      const { requests, became } = await send(batch, (ids) => (ids.includes('a') ? unknownTopic : undefined));
      expect([requests, became]).toEqual([['a', 'c'], 'XrP']);
    });
  });

  describe('while the broker is away', () => {
    it('is to be sent again, with the reason, after one request', async () => {
      const { result, requests, became } = await send(letters('abcd'), () => noBroker);
      expect([requests, became]).toEqual([['abcd'], 'rrrr']);
      expect(result.unavailable).toBe('no broker');
    });

    it('keeps what was published and rejected before it went away', async () => {
      const { result, requests, became } = await send(letters('abcdef'), (ids) => {
        if (ids.includes('b')) {
          return tooLarge;
        }
        return ids.includes('d') ? noBroker : undefined;
      });
      expect(requests).toEqual(['abcdef', 'abc', 'ab', 'a', 'b', 'c', 'def']);
      expect(became).toBe('PXPrrr');
      expect(result.unavailable).toBe('no broker');
    });

    it('has no further request sent', async () => {
      const value = 'x'.repeat(900_000);
      const { requests, became } = await send(
        ['a', 'b', 'c'].map((id) => aMessage(id, { value })),
        (ids) => (ids.includes('b') ? noBroker : undefined),
      );
      expect([requests, became]).toEqual([['a', 'b'], 'Prr']);
    });
  });

  describe('of a relay that must not go on', () => {
    const value = 'x'.repeat(900_000);
    const large = (ids: string, keys = ids): OutboxMessage[] =>
      Array.from(ids).map((id, index) => aMessage(id, { key: keys[index] ?? id, value }));

    it('is not sent at all, which is not for want of a broker', async () => {
      const { requests, became, result } = await send(letters('ab'), () => undefined, answering(false));
      expect([requests, became]).toEqual([[], 'rr']);
      expect(result).not.toHaveProperty('unavailable');
    });

    it('is sent as far as the relay had let it', async () => {
      const { requests, became, result } = await send(large('abc'), () => undefined, answering(true, true, false));
      expect([requests, became]).toEqual([['a', 'b'], 'PPr']);
      expect(result).not.toHaveProperty('unavailable');
    });

    it('is not halved further', async () => {
      const context = answering(true, true, false);
      const { requests, became } = await send(
        letters('abcd'),
        (ids) => (ids.length > 1 ? tooLarge : undefined),
        context,
      );
      expect([requests, became]).toEqual([['abcd', 'ab'], 'rrrr']);
    });

    it('does not go on where it may again: the earlier message of a key would have been passed over', async () => {
      const { requests, became } = await send(large('abc', 'kkk'), () => undefined, answering(true, false, true));
      expect([requests, became]).toEqual([['a'], 'Prr']);
    });

    it('does not go on where a request says that it was stopped', async () => {
      const { requests, became, result } = await send(large('abc'), (ids) => (ids[0] === 'b' ? 'stopped' : undefined));
      expect([requests, became]).toEqual([['a', 'b'], 'Prr']);
      expect(result).not.toHaveProperty('unavailable');
    });

    it('is asked for each request, and for nothing else', async () => {
      const context = answering(true);
      const { requests } = await send(
        letters('abcd', 'aabb'),
        (ids) => (ids.includes('a') ? tooLarge : undefined),
        context,
      );
      expect(context.asked()).toBe(requests.length);
    });
  });

  it('fails where sending throws, which is a programming error', async () => {
    await expect(sendBatch(letters('a'), () => Promise.reject(new Error('bug')), mayGoOn)).rejects.toThrow('bug');
  });
});

/**
 * A broker as Kafka is: a request is split by topic and partition, each part is written as a whole or not at all, and the request fails if one
 * of its parts does. Parts that are not refused are written all the same, or are not, as chance will have it.
 */
class ModelBroker {
  readonly written: OutboxMessage[] = [];
  requests = 0;

  constructor(
    private readonly isPoison: (message: OutboxMessage) => boolean,
    private readonly isForbidden: (topic: string) => boolean,
    private readonly awayFrom: number,
    private readonly chance: () => boolean,
  ) {}

  send(messages: readonly OutboxMessage[]): Promise<SendFailure | undefined> {
    const away = ++this.requests >= this.awayFrom;
    const forbidden = messages.some(({ topic }) => this.isForbidden(topic));
    const poisoned = messages.some(this.isPoison);
    const fails = away || forbidden || poisoned;
    for (const part of this.partitions(messages)) {
      const refused = part.some((message) => this.isPoison(message) || this.isForbidden(message.topic));
      if (!refused && (!fails || this.chance())) {
        this.written.push(...part);
      }
    }
    return Promise.resolve(away ? noBroker : forbidden ? unknownTopic : poisoned ? tooLarge : undefined);
  }

  private partitions(messages: readonly OutboxMessage[]): OutboxMessage[][] {
    const parts = new Map<string, OutboxMessage[]>();
    for (const message of messages) {
      const partition = `${message.topic}-${(message.key.codePointAt(0) ?? 0) % 3}`;
      parts.set(partition, [...(parts.get(partition) ?? []), message]);
    }
    return [...parts.values()];
  }
}

describe('any batch to any broker', () => {
  const aCase = fc.record({
    messages: fc.array(
      fc.record({
        key: fc.constantFrom(...Array.from('abcdefgh')),
        topic: fc.constantFrom('orders', 'orders', 'bills', 'forbidden'),
        poison: fc.boolean().chain((some) => (some ? fc.boolean() : fc.constant(false))),
        large: fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0),
      }),
      { maxLength: 40 },
    ),
    awayFrom: fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 30 })),
    stopAfter: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 30 })),
    chances: fc.infiniteStream(fc.boolean()),
  });
  const LARGE = 'x'.repeat(400_000);

  it('has outcomes that are right, and keeps the order of each key', async () => {
    await fc.assert(
      fc.asyncProperty(aCase, async ({ messages, awayFrom, stopAfter, chances }) => {
        const batch = messages.map(({ key, topic, large }, index) =>
          aMessage(`${index}`, { key, topic, value: large ? LARGE : '{}' }),
        );
        const isPoison = ({ id }: OutboxMessage): boolean => messages[Number(id)]?.poison === true;
        const isForbidden = (topic: string): boolean => topic === 'forbidden';
        const broker = new ModelBroker(isPoison, isForbidden, awayFrom, () => chances.next().value as boolean);

        const { outcomes, unavailable } = await sendBatch(batch, (request) => broker.send(request), {
          mayContinue: () => broker.requests < stopAfter,
        });

        expect(outcomes).toHaveLength(batch.length);
        expect(broker.requests).toBeLessThanOrEqual(stopAfter);
        expect(unavailable).toBe(broker.requests >= awayFrom ? 'no broker' : undefined);
        const failedKeys = new Set<string>();
        batch.forEach((message, index) => {
          const status = outcomes[index]?.status;
          const atFault = isPoison(message) || isForbidden(message.topic);
          if (status === 'published') {
            expect(broker.written).toContain(message);
          }
          if (status === 'rejected') {
            expect(atFault).toBe(true);
          }
          if (failedKeys.has(message.key)) {
            // After one that was not published, none of its key is.
            expect(status).toBe('retry');
          } else if (unavailable === undefined && broker.requests < stopAfter) {
            expect(status).toBe(atFault ? 'rejected' : 'published');
          }
          if (status !== 'published') {
            failedKeys.add(message.key);
          }
        });

        const firstWrites = [...new Set(broker.written)];
        for (const key of new Set(batch.map((message) => message.key))) {
          const ofKey = batch.filter((message) => message.key === key);
          const written = firstWrites.filter((message) => message.key === key);
          // In the order of the batch, and without a gap: none is written before all that stand before it.
          expect(written).toEqual(ofKey.slice(0, written.length));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('messages by topic', () => {
  it('keep their order within a topic, the topics that of their first message', () => {
    const [a, b, c, d] = ['two', 'one', 'two', 'three'].map((topic, index) => aMessage(`${index}`, { topic }));
    expect(byTopic([a, b, c, d] as OutboxMessage[])).toEqual([[a, c], [b], [d]]);
  });

  it('are none where there are none', () => {
    expect(byTopic([])).toEqual([]);
  });
});
