import fc from 'fast-check';
import type { OutboxMessage } from '../../../../lib/interfaces/outbox-publisher';
import { requestChunks } from '../../../../lib/publish/request-chunks';
import { aMessage } from '../support/a-message';

const LIMIT = 1_000_000;
/** What every record is reckoned with, beside its content. */
const OVERHEAD = 64;

const idsOf = (chunks: readonly OutboxMessage[][]): string[][] => chunks.map((chunk) => chunk.map(({ id }) => id));

/** A message that is reckoned with exactly this many bytes. */
const sized = (id: string, bytes: number): OutboxMessage =>
  aMessage(id, { key: 'k', value: 'x'.repeat(bytes - OVERHEAD - 1) });

describe('the requests of a batch', () => {
  it('are none for an empty batch', () => {
    expect(requestChunks([])).toEqual([]);
  });

  it('are one for a small batch, also to several topics', () => {
    const batch = [aMessage('1'), aMessage('2', { topic: 'bills' }), aMessage('3')];
    expect(idsOf(requestChunks(batch))).toEqual([['1', '2', '3']]);
  });

  it('hold as much as a broker takes, and no more', () => {
    const half = LIMIT / 2;
    expect(idsOf(requestChunks([sized('1', half), sized('2', half)]))).toEqual([['1', '2']]);
    expect(idsOf(requestChunks([sized('1', half), sized('2', half + 1)]))).toEqual([['1'], ['2']]);
    expect(idsOf(requestChunks([sized('1', half), sized('2', half), sized('3', OVERHEAD + 1)]))).toEqual([
      ['1', '2'],
      ['3'],
    ]);
  });

  it('hold a message alone that is too large by itself', () => {
    const batch = [aMessage('1'), sized('2', 3 * LIMIT), aMessage('3')];
    expect(idsOf(requestChunks(batch))).toEqual([['1'], ['2'], ['3']]);
    expect(idsOf(requestChunks([sized('1', 3 * LIMIT)]))).toEqual([['1']]);
  });

  it('are reckoned in bytes, not in characters', () => {
    const value = '\u{1F4E6}'.repeat(150_000);
    const batch = ['1', '2'].map((id) => aMessage(id, { value }));
    expect(value).toHaveLength(300_000);
    expect(requestChunks(batch)).toHaveLength(2);
  });

  it.each(['key', 'headers'] as const)('are reckoned with the %s', (part) => {
    const large = 'x'.repeat(600_000);
    const batch = ['1', '2'].map((id) => aMessage(id, part === 'key' ? { key: large } : { headers: { h: large } }));
    expect(requestChunks(batch)).toHaveLength(2);
  });

  it('are reckoned with the names of headers', () => {
    const name = 'n'.repeat(600_000);
    expect(requestChunks(['1', '2'].map((id) => aMessage(id, { headers: { [name]: '' } })))).toHaveLength(2);
  });

  it('are cut where a key goes on in another topic', () => {
    const batch = [
      aMessage('1', { key: 'a', topic: 'orders' }),
      aMessage('2', { key: 'b', topic: 'bills' }),
      aMessage('3', { key: 'a', topic: 'bills' }),
      aMessage('4', { key: 'b', topic: 'bills' }),
      aMessage('5', { key: 'a', topic: 'orders' }),
    ];
    expect(idsOf(requestChunks(batch))).toEqual([['1', '2'], ['3', '4'], ['5']]);
  });

  it('hold what they should, for any batch', () => {
    const message = fc.record({
      topic: fc.constantFrom('t1', 't2', 't3'),
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      value: fc.constantFrom(10, 200_000, 400_000, 1_200_000).map((bytes) => 'x'.repeat(bytes)),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 25 }), (messages) => {
        const batch = messages.map((changes, index) => aMessage(`${index}`, changes));
        const chunks = requestChunks(batch);
        expect(chunks.flat()).toEqual(batch);
        for (const chunk of chunks) {
          const topicsOfKeys = new Set(chunk.map(({ key, topic }) => `${key} ${topic}`));
          expect(topicsOfKeys.size).toBe(new Set(chunk.map(({ key }) => key)).size);
          const bytes = chunk.reduce((sum, { value }) => sum + value.length, 0);
          expect(chunk.length === 1 || bytes <= LIMIT).toBe(true);
          expect(chunk.length).toBeGreaterThan(0);
        }
      }),
    );
  });
});
