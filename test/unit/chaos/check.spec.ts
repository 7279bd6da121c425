import { check } from '../../chaos/checker/check';
import type {
  Effect,
  FaultSpan,
  History,
  TopicRecord,
  WrittenEvent,
  WrittenTransaction,
} from '../../chaos/checker/history';
import { violations, type Violation } from '../../chaos/checker/verdict';

const TAKEOVER_MS = 30_000;
const NOON = Date.UTC(2026, 0, 1, 12);

const event = (id: string, change: Partial<WrittenEvent> = {}): WrittenEvent => ({
  id,
  key: 'k',
  topic: 't',
  value: `value of ${id}`,
  delayed: false,
  poison: false,
  ...change,
});

let transactions = 0;
const transaction = (committedAt: number | null, ...events: (string | WrittenEvent)[]): WrittenTransaction => ({
  name: `transaction ${String(transactions++)}`,
  events: events.map((given) => (typeof given === 'string' ? event(given) : given)),
  undone: 0,
  committedAt,
  told: undefined,
});

/** What a topic holds when these events were delivered in this order, a second apart. */
const topic = (...ids: string[]): TopicRecord[] =>
  ids.map((id, offset) => ({
    topic: 't',
    partition: 0,
    offset,
    at: NOON + offset * 1000,
    id,
    key: 'k',
    value: `value of ${id}`,
    headers: `headers of ${id}`,
  }));

const fault = (from: number, to: number, repeats = true): FaultSpan => ({
  kind: 'made up',
  from: NOON + from,
  to: NOON + to,
  repeats,
});

/** What is there when a consumer has done what it does for these events, in this order. */
const effects = (...ids: string[]): Effect[] => ids.map((id) => ({ id, by: 'consumer-1' }));

const history = ({ records = [], ...rest }: Partial<History>): History => ({
  transactions: [],
  records,
  consumed: records,
  effects: effects(...new Set(records.map(({ id }) => id))),
  settlements: [],
  deadLetters: [],
  pending: [],
  faults: [],
  ...rest,
});

/** The violations that the checker sees, with their numbers. */
const found = (given: Partial<History>): Partial<Record<Violation, number>> => {
  const { counts } = check(history(given), TAKEOVER_MS);
  return Object.fromEntries(
    violations.flatMap((violation) => (counts[violation] > 0 ? [[violation, counts[violation]]] : [])),
  );
};

describe('The checker of the chaos run', () => {
  it('finds nothing in a run without a flaw, and counts what it was told', () => {
    const verdict = check(
      history({
        transactions: [transaction(1, 'a', 'b'), transaction(null, 'c'), { ...transaction(2, 'd'), undone: 2 }],
        records: topic('a', 'b', 'd'),
        settlements: ['a', 'b', 'd'].map((id) => ({ id, by: 'relay-1', laneOwner: 'one' })),
      }),
      TAKEOVER_MS,
    );
    expect(verdict).toMatchObject({
      committed: 3,
      rolledBack: 3,
      duplicates: 0,
      deadLetters: 0,
      effects: 3,
      readAgain: 0,
    });
    expect(verdict.examples).toEqual([]);
    expect(Object.values(verdict.counts)).toEqual(violations.map(() => 0));
  });

  describe('on what is lost and what is invented', () => {
    it('finds a committed event that is nowhere', () => {
      expect(found({ transactions: [transaction(1, 'a', 'b')], records: topic('b') })).toEqual({ lost: 1 });
    });

    it('finds a committed event that is still pending when all had time enough, and says so', () => {
      const { counts, examples } = check(history({ transactions: [transaction(1, 'a')], pending: ['a'] }), TAKEOVER_MS);
      expect(counts.lost).toBe(1);
      expect(examples).toEqual([expect.stringContaining('still pending')]);
    });

    it('finds a committed event that no consumer has read', () => {
      const records = topic('a', 'b');
      expect(found({ transactions: [transaction(1, 'a', 'b')], records, consumed: records.slice(0, 1) })).toEqual({
        lost: 1,
      });
    });

    it('finds an event whose transaction rolled back, and one that nobody wrote', () => {
      expect(found({ transactions: [transaction(null, 'a')], records: topic('a', 'x') })).toEqual({ phantom: 2 });
    });

    it('finds an event of a savepoint that was rolled back, since it is not among those of its transaction', () => {
      expect(found({ transactions: [{ ...transaction(1, 'a'), undone: 1 }], records: topic('a', 'undone') })).toEqual({
        phantom: 1,
      });
    });

    it('finds dead letters and pending events that never committed', () => {
      expect(
        found({ transactions: [transaction(null, 'a')], deadLetters: [{ id: 'a', reason: '' }], pending: ['b'] }),
      ).toEqual({ phantom: 2 });
    });

    it('finds a writer that was told the wrong outcome, either way', () => {
      expect(
        found({
          transactions: [
            { ...transaction(null, 'a'), told: 'committed' },
            { ...transaction(1, 'b'), told: 'rolled back' },
            { ...transaction(1, 'c'), told: 'committed' },
            { ...transaction(null, 'd'), told: 'rolled back' },
          ],
          records: topic('b', 'c'),
        }),
      ).toEqual({ 'told wrongly': 2 });
    });
  });

  describe('on order', () => {
    it('finds an event that came after a later one of its key, by the order of commits', () => {
      expect(
        found({ transactions: [transaction(2, 'second'), transaction(1, 'first')], records: topic('second', 'first') }),
      ).toEqual({
        inversion: 1,
      });
    });

    it('counts each event that came too late', () => {
      expect(
        found({ transactions: [transaction(1, 'a', 'b'), transaction(2, 'c')], records: topic('c', 'a', 'b') }),
      ).toEqual({ inversion: 2 });
    });

    it('finds two events of one transaction that changed places', () => {
      expect(found({ transactions: [transaction(1, 'a', 'b')], records: topic('b', 'a') })).toEqual({ inversion: 1 });
    });

    it('knows no order between keys, between topics, and between commits of the same microsecond', () => {
      const records = topic('b', 'a', 'd', 'c', 'f', 'e').map((record) => ({
        ...record,
        key: record.id === 'a' ? 'other' : 'k',
        topic: record.id === 'c' ? 'other' : 't',
      }));
      expect(
        found({
          transactions: [
            transaction(1, event('a', { key: 'other' })),
            transaction(2, 'b'),
            transaction(3, event('c', { topic: 'other' })),
            transaction(4, 'd'),
            transaction(5, 'e'),
            transaction(5, 'f'),
          ],
          records,
        }),
      ).toEqual({});
    });

    it('lets delayed events come when they are due', () => {
      expect(
        found({ transactions: [transaction(1, event('a', { delayed: true }), 'b')], records: topic('b', 'a') }),
      ).toEqual({});
    });

    it('looks at first deliveries only', () => {
      expect(
        found({
          transactions: [transaction(1, 'a'), transaction(2, 'b')],
          records: topic('a', 'b', 'a'),
          faults: [fault(500, 600)],
        }),
      ).toEqual({});
    });
  });

  describe('on repetitions', () => {
    const transactions = [transaction(1, 'a')];
    const [first] = topic('a') as [TopicRecord];
    const again = (afterMs: number, change: Partial<TopicRecord> = {}): TopicRecord[] => [
      first,
      { ...first, offset: 1, at: NOON + afterMs, ...change },
    ];

    it('finds one without any fault', () => {
      expect(found({ transactions, records: again(1000) })).toEqual({ 'unexplained duplicate': 1 });
    });

    it('accepts one if the delivery before lies close to a fault', () => {
      expect(found({ transactions, records: again(20_000), faults: [fault(3000, 3000)] })).toEqual({});
      expect(found({ transactions, records: again(20_000), faults: [fault(-9000, -3000)] })).toEqual({});
    });

    it.each([
      ['began long after the delivery before', fault(8000, 9000)],
      ['was over long before it', fault(-20_000, -10_000)],
      ['came after the repetition', fault(2000, 3000)],
      ['cannot repeat anything', fault(500, 600, false)],
    ])('does not accept a fault that %s', (_, given) => {
      expect(found({ transactions, records: again(1500), faults: [given] })).toEqual({ 'unexplained duplicate': 1 });
    });

    it('does not accept a fault when the repetition comes long after it', () => {
      expect(found({ transactions, records: again(60_000), faults: [fault(1000, 2000)] })).toEqual({
        'unexplained duplicate': 1,
      });
    });

    it.each([
      ['value', 'other'],
      ['headers', 'other'],
      ['key', 'other'],
      ['partition', 1],
    ] as const)('finds one with another %s', (field, value) => {
      expect(found({ transactions, records: again(1000, { [field]: value }), faults: [fault(0, 0)] })).toEqual({
        differing: 1,
      });
    });

    it('finds a first delivery that is not what was written', () => {
      expect(found({ transactions, records: [{ ...first, value: 'other' }] })).toEqual({ differing: 1 });
    });
  });

  describe('on what was given up', () => {
    const poison = event('a', { poison: true });

    it('accepts a dead letter that the broker had to refuse', () => {
      expect(
        found({ transactions: [transaction(1, poison)], deadLetters: [{ id: 'a', reason: 'too large' }] }),
      ).toEqual({});
    });

    it('finds one that the broker would have taken', () => {
      expect(found({ transactions: [transaction(1, 'a')], deadLetters: [{ id: 'a', reason: 'a time-out' }] })).toEqual({
        'dead without a cause': 1,
      });
    });

    it('finds one that was refused and has gone', () => {
      expect(found({ transactions: [transaction(1, poison)] })).toEqual({ lost: 1 });
    });
  });

  describe('on what consumers do', () => {
    const transactions = [transaction(1, 'a'), transaction(2, 'b'), transaction(3, 'c')];
    const records = topic('a', 'b', 'c');

    it('finds an event that was delivered and for which nothing was done', () => {
      expect(found({ transactions, records, effects: effects('a', 'c') })).toEqual({ 'inbox lost': 1 });
    });

    it('finds it once, however often it was delivered', () => {
      const twice = topic('a', 'b', 'c', 'b');
      expect(found({ transactions, records: twice, effects: effects('a', 'c'), faults: [fault(0, 9000)] })).toEqual({
        'inbox lost': 1,
      });
    });

    it('finds an event for which something was done twice, and says by whom', () => {
      const again = { id: 'b', by: 'consumer-2' };
      const { counts, examples } = check(
        history({ transactions, records, effects: [...effects('a', 'b', 'c'), again] }),
        TAKEOVER_MS,
      );
      expect(counts['inbox twice']).toBe(1);
      expect(examples).toEqual(['inbox twice: b by consumer-1 and again by consumer-2']);
    });

    it('finds it once, however often it was done', () => {
      expect(found({ transactions, records, effects: effects('a', 'b', 'b', 'b', 'c', 'c') })).toEqual({
        'inbox twice': 2,
      });
    });

    it('accepts that what was delivered and read again was done once, and counts what was read again', () => {
      const delivered = topic('a', 'b', 'c', 'a');
      const given = history({
        transactions,
        records: delivered,
        consumed: [...delivered, ...delivered.slice(1, 3), ...delivered.slice(1, 2)],
        faults: [fault(0, 9000)],
      });
      expect(check(given, TAKEOVER_MS)).toMatchObject({ effects: 3, duplicates: 1, readAgain: 3, examples: [] });
    });

    it('finds what was done after something later of its key, by the order of the topic', () => {
      expect(found({ transactions, records, effects: effects('b', 'c', 'a') })).toEqual({ 'inbox inversion': 2 });
      expect(found({ transactions, records, effects: effects('a', 'c', 'b') })).toEqual({ 'inbox inversion': 1 });
    });

    it('knows no order between keys, and none that a repetition would make', () => {
      const other = [transaction(1, 'a'), transaction(2, event('b', { key: 'other' })), transaction(3, 'c')];
      const delivered = topic('a', 'b', 'c', 'a').map((record) =>
        record.id === 'b' ? { ...record, key: 'other' } : record,
      );
      expect(
        found({ transactions: other, records: delivered, effects: effects('b', 'a', 'c'), faults: [fault(0, 9000)] }),
      ).toEqual({});
    });
  });

  describe('on settling', () => {
    const settlements = (...given: [id: string, by: string, laneOwner: string | null][]): Partial<History> => ({
      transactions: [transaction(1, ...new Set(given.map(([id]) => id)))],
      records: topic(...new Set(given.map(([id]) => id))),
      settlements: given.map(([id, by, laneOwner]) => ({ id, by, laneOwner })),
    });

    it('finds an event that was settled twice', () => {
      expect(found(settlements(['a', 'relay-1', 'one'], ['a', 'relay-2', 'two'], ['b', 'relay-2', 'two']))).toEqual({
        'settled by two': 1,
      });
    });

    it('finds an event that was settled by a relay after its lane had another owner', () => {
      expect(
        found(
          settlements(
            ['a', 'relay-1', 'one'],
            ['b', 'relay-2', 'two'],
            ['c', 'relay-1', 'one'],
            ['d', 'relay-1', 'two'],
          ),
        ),
      ).toEqual({ 'settled by two': 1 });
    });

    it('finds it also where the former owner settles nothing else', () => {
      expect(found(settlements(['a', 'relay-1', 'one'], ['b', 'relay-1', 'one'], ['c', 'relay-2', 'one']))).toEqual({
        'settled by two': 1,
      });
    });

    it('finds an event that was settled while nobody owned its lane', () => {
      expect(found(settlements(['a', 'relay-1', 'one'], ['b', 'relay-1', null]))).toEqual({ 'settled by two': 1 });
    });
  });
});
