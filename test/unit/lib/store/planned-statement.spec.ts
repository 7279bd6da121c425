import { QueryFailedError, type DataSource } from 'typeorm';
import { PlannedStatement, type PlainValue } from '../../../../lib/store/planned-statement';
import { thrown } from '../support/thrown';

const TEXT = 'select $1::int, $2::bigint[], $10::text, $1::text';

/** Fails as node-postgres does. */
const failure = (code: string): Error => Object.assign(new Error(`failed with ${code}`), { code });

/** A connection of the pool, as node-postgres gives it. */
class FakeClient {
  readonly prepared: string[] = [];
  readonly ran: string[] = [];
  /** What the next preparing, or running, fails with. */
  prepareFails: Error | undefined;
  runFails: Error | undefined;
  results: unknown = [
    { rows: [], rowCount: null },
    { rows: [['1', null]], rowCount: 1 },
  ];

  readonly query = (statement: string | { text: string; rowMode: string; types: unknown }): Promise<unknown> => {
    if (typeof statement === 'string') {
      this.prepared.push(statement);
      return this.prepareFails === undefined ? Promise.resolve({}) : Promise.reject(this.prepareFails);
    }
    this.ran.push(statement.text);
    const error = this.runFails;
    this.runFails = undefined;
    return error === undefined ? Promise.resolve(this.results) : Promise.reject(error);
  };
}

describe('a planned statement', () => {
  let clients: FakeClient[];
  let given: number;
  let release: jest.Mock;
  let logger: { logQuery: jest.Mock; logQueryError: jest.Mock };
  let dataSource: DataSource;

  beforeEach(() => {
    clients = [new FakeClient()];
    given = 0;
    release = jest.fn(() => Promise.resolve());
    logger = { logQuery: jest.fn(), logQueryError: jest.fn() };
    const createQueryRunner = (): unknown => {
      // The connections in turn.
      const client = clients[given++ % clients.length];
      return { connect: () => Promise.resolve(client), release, connection: { logger } };
    };
    dataSource = { driver: {}, createQueryRunner } as unknown as DataSource;
  });

  const client = (): FakeClient => clients[0] as FakeClient;
  const values = [7, [1, -2], 3, 4, 5, 6, 7, 8, 9, 'last'];
  const aStatement = (arePrepared = true, text = TEXT): PlannedStatement =>
    new PlannedStatement('fetch', text, arePrepared);
  const nameOf = (prepare: string | undefined): string => /^prepare (\S+) as /.exec(prepare ?? '')?.[1] ?? 'none';

  describe('that connections keep', () => {
    it('is prepared once on each connection, and run by its name', async () => {
      clients = [new FakeClient(), new FakeClient()];
      const statement = aStatement();
      for (let run = 0; run < 4; run++) {
        await statement.run(dataSource, values);
      }
      for (const { prepared, ran } of clients) {
        expect(prepared).toEqual([expect.stringMatching(/^prepare outbox_[0-9a-f]{24} as select \$1/)]);
        expect(prepared[0]?.endsWith(` as ${TEXT}`)).toBe(true);
        expect(ran).toHaveLength(2);
        expect(ran[0]).toContain(`execute ${nameOf(prepared[0])} ('7', '{1,-2}', '3', `);
      }
    });

    it('has a name that follows from its text', async () => {
      for (const text of [TEXT, TEXT, 'select 2']) {
        await aStatement(true, text).run(dataSource, values);
      }
      const names = client().prepared.map(nameOf);
      expect(names[0]).toBe(names[1]);
      expect(names[0]).not.toBe(names[2]);
    });

    it('bears that another outbox has prepared it on the connection', async () => {
      client().prepareFails = failure('42P05');
      const statement = aStatement();
      await expect(statement.run(dataSource, values)).resolves.toMatchObject({ count: 1 });
      await statement.run(dataSource, values);
      expect([client().prepared.length, client().ran.length]).toEqual([1, 2]);
    });

    it('fails where it cannot be prepared, and is prepared anew the next time', async () => {
      client().prepareFails = failure('42P01');
      const statement = aStatement();
      await expect(statement.run(dataSource, values)).rejects.toMatchObject({ code: '42P01' });
      expect(client().ran).toEqual([]);
      client().prepareFails = undefined;
      await expect(statement.run(dataSource, values)).resolves.toMatchObject({ count: 1 });
      expect(client().prepared).toHaveLength(2);
    });

    it('is sent as plain text from then on where a pooler has lost it', async () => {
      const statement = aStatement();
      client().runFails = failure('26000');
      await expect(statement.run(dataSource, values)).resolves.toMatchObject({ count: 1 });
      await statement.run(dataSource, values);
      const [first, ...rest] = client().ran.map((text) => text.replace(/^.*\*\/ /, ''));
      expect(first).toMatch(/^execute /);
      expect(rest).toEqual(Array(2).fill("select '7'::int, '{1,-2}'::bigint[], 'last'::text, '7'::text"));
      expect(client().prepared).toHaveLength(1);
    });

    it('fails with any other error, and is not run twice', async () => {
      client().runFails = failure('40001');
      await expect(aStatement().run(dataSource, values)).rejects.toMatchObject({ code: '40001' });
      expect(client().ran).toHaveLength(1);
    });
  });

  it('that connections do not keep is sent with its values in their places, and never prepared', async () => {
    await aStatement(false).run(dataSource, values);
    expect(client().prepared).toEqual([]);
    expect(client().ran[0]).toMatch(/ select '7'::int, '{1,-2}'::bigint\[\], 'last'::text, '7'::text$/);
  });

  it.each([true, false])('allows only index scans, for itself alone, and says what it is (kept: %p)', async (kept) => {
    await aStatement(kept).run(dataSource, values);
    const [text = ''] = client().ran;
    for (const setting of ['enable_seqscan = off', 'enable_bitmapscan = off', 'jit = off']) {
      expect(text).toContain(`set local ${setting}; `);
    }
    expect(text).toContain('set local plan_cache_mode = force_generic_plan; /* outbox: fetch */ ');
    expect(text.replaceAll('set local ', '')).not.toMatch(/\bset\b/);
  });

  describe('takes', () => {
    const literalOf = async (value: PlainValue): Promise<string> => {
      await aStatement(false, '$1').run(dataSource, [value]);
      return (
        client()
          .ran.at(-1)
          ?.replace(/^.*\*\/ /, '') ?? ''
      );
    };

    it.each<[PlainValue, string]>([
      [7, "'7'"],
      [-1.5, "'-1.5'"],
      [true, 'true'],
      [false, 'false'],
      ['0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f70', "'0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f70'"],
      ['9223372036854775807', "'9223372036854775807'"],
      ['-infinity', "'-infinity'"],
      [[], "'{}'"],
      [[1, 2], "'{1,2}'"],
      [['18446744073709551615', 3], "'{18446744073709551615,3}'"],
    ])('%j as %s', async (value, literal) => {
      await expect(literalOf(value)).resolves.toBe(literal);
    });

    it.each<[PlainValue]>([
      ["it's"], [''], ['a b'], ['a\nb'], ['7\n'], ['\\'], ['a,b'], ['{1}'], ['"'], ['$1'], ['/*'], [';'], ['\0'], ['ü'],
      [1e21], [['1', "'"]], [['']], [[1, '2,3']], ["a'"],
    ])('not %j, which would need escaping: nothing reaches the database', async (value) => {
      await expect(literalOf(value)).rejects.toThrow('cannot stand in a statement as it is');
      expect(given).toBe(0);
    }); // prettier-ignore
  });

  describe('gives', () => {
    it('the rows as text, and their number, of the last result', async () => {
      client().results = [
        { rows: [], rowCount: null },
        { rows: [['1', null], ['2', 'x']], rowCount: 2 },
      ]; // prettier-ignore
      await expect(aStatement().run(dataSource, values)).resolves.toEqual({
        rows: [
          ['1', null],
          ['2', 'x'],
        ],
        count: 2,
      });
    });

    it('no rows and none changed where the driver says nothing of them', async () => {
      client().results = [{ rows: [], rowCount: null }];
      await expect(aStatement().run(dataSource, values)).resolves.toEqual({ rows: [], count: 0 });
      client().results = [];
      await expect(aStatement().run(dataSource, values)).resolves.toEqual({ rows: [], count: 0 });
    });
  });

  it('asks for text in arrays, whatever parsers the application has set', async () => {
    const asked = jest.spyOn(client(), 'query');
    await aStatement(false).run(dataSource, values);
    const [statement] = asked.mock.calls[0] as [
      { rowMode: string; types: { getTypeParser(): (text: string) => unknown } },
    ];
    expect(statement.rowMode).toBe('array');
    expect(statement.types.getTypeParser()('7')).toBe('7');
  });

  it('is logged as TypeORM logs, with its parameters', async () => {
    await aStatement().run(dataSource, values);
    expect(logger.logQuery.mock.calls).toEqual([[TEXT, values, expect.anything()]]);
    expect(logger.logQueryError).not.toHaveBeenCalled();
  });

  it('fails as with TypeORM, and gives its connection back', async () => {
    const driverError = failure('42P01');
    client().runFails = driverError;
    const error = await thrown(QueryFailedError, () => aStatement().run(dataSource, values));
    expect(error).toMatchObject({ query: TEXT, parameters: values, driverError });
    expect(logger.logQueryError.mock.calls).toEqual([[driverError, TEXT, values, expect.anything()]]);
    expect(release).toHaveBeenCalledTimes(1);
  });
});
