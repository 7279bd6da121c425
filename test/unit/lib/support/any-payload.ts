import fc from 'fast-check';
import type { InboxPayload } from '../../../../lib/interfaces/inbox-message';

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const text = fc.string({ unit: 'binary' });
const header = fc.oneof(bytes, text, fc.constant(null), fc.constant(undefined), fc.array(bytes, { maxLength: 2 }));
const name = fc.oneof(
  fc.string(),
  fc.constantFrom('ce_id', 'ce_type', 'ce_subject', 'ce_time', 'id', 'outbox-replay', 'inbox-topic', '__proto__'),
);

/** Whatever a broker may hold, as kafkajs gives it or as Nest's transport has parsed it. */
export const anyPayload: fc.Arbitrary<InboxPayload> = fc.record({
  topic: fc.stringMatching(/^[a-z]{1,249}$/),
  partition: fc.nat(),
  message: fc.record({
    key: fc.oneof(bytes, text, fc.constant(null), fc.constant(undefined)),
    value: fc.oneof(bytes, text, text.map(JSON.stringify), fc.jsonValue(), fc.constant(undefined)),
    headers: fc.option(fc.dictionary(name, header), { nil: undefined }),
    offset: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
    timestamp: fc.option(fc.nat().map(String), { nil: undefined }),
  }),
});
