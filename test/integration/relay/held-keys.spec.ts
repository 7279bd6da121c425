import { OutboxDeadLetters } from 'nestjs-outboxed';
import { addAll, addOfKey, allSettled, keysBeside } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

const PARKED = 3000;

describe('With afterDeadLetter "hold", a dead letter', () => {
  let database: TestDatabase;
  let relay: OutboxApp;
  let operator: OutboxApp;
  let publisher: RecordingPublisher;
  let deadLetters: OutboxDeadLetters;

  /** The dead letter of "held", and what waits behind it. */
  let dead: string;
  let parked: string[];

  const startRelay = async (): Promise<void> => {
    relay = await startOutboxApp({
      url: database.url,
      outbox: {
        publisher,
        afterDeadLetter: 'hold',
        maxRetries: 1,
        pollIntervalSeconds: 0.1,
        errorRetryIntervalSeconds: 0.05,
        batchSize: 200,
      },
    });
  };

  beforeEach(async () => {
    database = await createDatabase();
    publisher = new RecordingPublisher();
    publisher.refuses = ({ value }) => value === '"bad"';
    await startRelay();
    operator = await startOutboxApp({ url: database.url });
    deadLetters = operator.module.get(OutboxDeadLetters);
    [dead] = (await addAll(relay, [{ eventKey: 'held', eventData: 'bad' }])) as [string];
    parked = await addOfKey(relay, 'held', PARKED);
    const [behind] = await addAll(relay, [{ eventKey: keysBeside('held', 1, 'in its lane')[0] }]);
    await eventually('the dead letter', async () => (await relay.outbox.stats()).deadLetters === 1);
    await eventually('what lies behind it in the lane', () => publisher.ids.includes(behind!));
  });

  afterEach(async () => {
    await relay.close();
    await operator.close();
    await database.drop();
  });

  const isHeld = async (): Promise<void> => {
    const [beside, other] = await addAll(relay, [
      { eventKey: keysBeside('held', 1, 'in its lane')[0] },
      { eventKey: keysBeside('held', 1, 'in other lanes')[0] },
      { eventKey: 'held', eventData: 'the last' },
    ]).then((ids) => {
      parked.push(ids[2]!);
      return ids;
    });
    await eventually('other keys', () => publisher.ids.includes(beside!) && publisher.ids.includes(other!));
    expect(publisher.idsOf('held')).toEqual([]);
    expect((await relay.outbox.stats()).failing).toBe(0);
  };

  const busy = (): { stop: () => Promise<string[]> } => {
    let isBusy = true;
    const keys = [...keysBeside('held', 2, 'in its lane'), ...keysBeside('held', 2, 'in other lanes')];
    const writing = (async () => {
      const ids: string[] = [];
      while (isBusy) {
        ids.push(
          ...(await addAll(
            relay,
            [...keys, ...keys].map((eventKey) => ({ eventKey })),
          )),
        );
      }
      return ids;
    })();
    return {
      stop: () => {
        isBusy = false;
        return writing;
      },
    };
  };

  it('keeps its key back, also from the next relay', async () => {
    await isHeld();
    await relay.close();
    await startRelay();
    await isHeld();
  });

  it('that is replayed, while the relay is busy, comes first, and then all that waited, in order', async () => {
    const { stop } = busy();
    await isHeld();
    publisher.refuses = () => false;
    const replayId = await deadLetters.replay(dead);
    await eventually('all of the key', () => publisher.idsOf('held').length > PARKED + 1);
    const others = await stop();
    await allSettled(relay);
    expect(publisher.idsOf('held')).toEqual([dead, ...parked]);
    expect(publisher.taken.find(({ id }) => id === dead)?.headers).toMatchObject({ 'outbox-replay': replayId });
    expect(others.filter((id) => !publisher.ids.includes(id))).toEqual([]);
  });

  it('that is replayed and dies again holds its key again', async () => {
    await deadLetters.replay(dead);
    await eventually('another two refusals', () => publisher.refused.length === 4);
    await eventually('the second death', async () => (await relay.outbox.stats()).deadLetters === 1);
    await isHeld();
    publisher.refuses = () => false;
    await deadLetters.replay(dead);
    await allSettled(relay);
    expect(publisher.idsOf('held')).toEqual([dead, ...parked]);
  });

  it('that is discarded lets go on what waited, in order', async () => {
    await isHeld();
    expect(await deadLetters.discard(dead)).toBe(true);
    await allSettled(relay);
    expect(publisher.idsOf('held')).toEqual(parked);
  });

  it('whose key is released stays, and what waited goes on, in order', async () => {
    await isHeld();
    expect(await deadLetters.release('held')).toBe(1);
    await allSettled(relay);
    expect(publisher.idsOf('held')).toEqual(parked);
    expect(await deadLetters.get(dead)).toMatchObject({ holdsKey: false });
    publisher.refuses = () => false;
    await deadLetters.replay(dead);
    await allSettled(relay);
    expect(publisher.idsOf('held')).toEqual([...parked, dead]);
  });

  it.each(['replay', 'discard', 'release'] as const)('lets nobody else go with its %s', async (way) => {
    const [sameLane, otherLane] = [
      keysBeside('held', 2, 'in its lane')[1]!,
      keysBeside('held', 2, 'in other lanes')[1]!,
    ];
    const failing = await addAll(
      relay,
      [sameLane, otherLane].map((eventKey) => ({ eventKey, eventData: 'bad' })),
    );
    await eventually('two more dead letters', async () => (await relay.outbox.stats()).deadLetters === 3);
    await addAll(
      relay,
      [sameLane, otherLane].map((eventKey) => ({ eventKey })),
    );
    publisher.refuses = () => false;
    await (way === 'release' ? deadLetters.release('held') : deadLetters[way](dead));
    await eventually('the key that was let go', () => publisher.idsOf('held').length >= PARKED);
    await isEventuallyIdle();
    expect([publisher.idsOf(sameLane), publisher.idsOf(otherLane)]).toEqual([[], []]);
    await deadLetters.replayMany(failing);
    await allSettled(relay);
    expect(publisher.idsOf(sameLane)[0]).toBe(failing[0]);
    expect(publisher.idsOf(otherLane)[0]).toBe(failing[1]);
  });

  it.each(['replay', 'discard', 'release'] as const)(
    'whose %s is not committed yet holds up neither events nor relays',
    async (way) => {
      publisher.refuses = () => false;
      const others = [...keysBeside('held', 1, 'in its lane'), ...keysBeside('held', 1, 'in other lanes')];
      const onlyTheHeldKeyWaits = (): Promise<unknown> =>
        eventually('all others to be settled', async () => (await relay.outbox.stats()).pending === pendingOfKey);
      let pendingOfKey = PARKED;
      await operator.transactions.run(async () => {
        await (way === 'release' ? deadLetters.release('held') : deadLetters[way](dead));
        for (let restarts = 0; restarts < 2; restarts++) {
          await addAll(
            relay,
            others.map((eventKey) => ({ eventKey })),
          );
          await onlyTheHeldKeyWaits();
          await relay.close();
          await startRelay();
        }
        expect(publisher.idsOf('held')).toEqual([]);
      });
      pendingOfKey = 0;
      await onlyTheHeldKeyWaits();
      expect(publisher.idsOf('held')).toEqual(way === 'replay' ? [dead, ...parked] : parked);
    },
  );

  const isEventuallyIdle = async (): Promise<void> => {
    const [other] = await addAll(relay, [{ eventKey: keysBeside('held', 1, 'in its lane')[0] }]);
    await eventually('another event of the lane', () => publisher.ids.includes(other!));
  };
});
