import { LEASE_SECONDS } from '../support/relay-process';
import { RecordingPublisher } from '../support/recording-publisher';
import { Relays } from '../support/relays';
import { eventually } from '../support/eventually';

jest.setTimeout(120_000);

describe('A publisher that does not answer', () => {
  it('has its relay leave all events to another one after a lease, and take its share again when it answers', async () => {
    const relays = await Relays.onNewDatabase();
    const options = { leaseSeconds: LEASE_SECONDS, pollIntervalSeconds: 0.2 };
    const hanging = new RecordingPublisher();
    let answer: () => void = () => undefined;
    hanging.before = () => (hanging.batches.length === 1 ? new Promise((resolve) => (answer = resolve)) : undefined);
    const first = await relays.start({ ...options, publisher: hanging });
    const ids = await relays.add(first, 50);
    await eventually('the send', () => hanging.batches.length === 1);

    const second = await relays.start(options);
    // It hangs for a lease, and the last renewal before that holds for another one.
    await relays.delivered(ids);
    expect(await relays.shares()).toEqual([64]);
    // Nest has one logger for all applications of a process: that of the last one.
    expect(second.logs.filter((line) => line.includes('has not answered for 19 s (leaseSeconds)'))).toHaveLength(1);

    answer();
    await relays.shared([32, 32]);
    const later = await relays.add(first, 50);
    await eventually('all to be settled', async () => (await first.outbox.stats()).pending === 0);
    const taken = new Set([...hanging.ids, ...relays.received.map(({ id }) => id)]);
    expect(later.filter((id) => !taken.has(id))).toEqual([]);
    expect(second.logs.filter((line) => line.includes('answers in time again'))).toHaveLength(1);
    await relays.end();
  });
});
