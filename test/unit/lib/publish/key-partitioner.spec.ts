import fc from 'fast-check';
import { Partitioners, type PartitionMetadata } from 'kafkajs';
import { keyPartitioner } from '../../../../lib/publish/key-partitioner';

const partitions = (count: number): PartitionMetadata[] =>
  Array.from({ length: count }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 1,
    replicas: [1],
    isr: [1],
  }));

describe('the partition of a key', () => {
  const ours = keyPartitioner();
  const kafkajs = Partitioners.DefaultPartitioner();

  it('is the one that Kafka itself would choose', () => {
    // What Kafka's own test of murmur2 says (UtilsTest.java), made positive.
    const known: Record<string, number> = {
      '21': -973932308,
      foobar: -790332482,
      'a-little-bit-long-string': -985981536,
      'a-little-bit-longer-string': -1486304829,
      lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971,
      abc: 479470107,
    };
    for (const [key, hash] of Object.entries(known)) {
      const message = { key, value: '' };
      expect(ours({ topic: 't', partitionMetadata: partitions(6), message })).toBe((hash & 0x7fffffff) % 6);
    }
  });

  it.each([
    ['text', fc.string({ unit: 'grapheme' })],
    ['bytes', fc.uint8Array().map((bytes) => Buffer.from(bytes))],
  ])('is the one that kafkajs chooses, whatever the key: %s', (_what, keys) => {
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 50 }), (key, count) => {
        const asked = { topic: 't', partitionMetadata: partitions(count), message: { key, value: '' } };
        expect(ours(asked)).toBe(kafkajs(asked));
      }),
      { numRuns: 2000 },
    );
  });

  it('is one of those that there are also without a key, which the outbox never leaves out', () => {
    const message = { key: null, value: '' };
    expect([0, 1, 2]).toContain(ours({ topic: 't', partitionMetadata: partitions(3), message }));
  });
});
