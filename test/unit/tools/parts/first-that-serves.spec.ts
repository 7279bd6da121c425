import { NothingServesError, PartsError } from '../../../../tools/parts/errors';
import { firstThatServes, type Choice } from '../../../../tools/parts/service/first-that-serves';

const lines: string[] = [];
const log = (line: string): number => lines.push(line);

function choice(overrides: Partial<Choice<string>> = {}): Choice<string> {
  return {
    what: 'Kafka',
    external: { name: 'KAFKA_BROKERS', value: undefined, serve: () => Promise.resolve('external') },
    others: [
      { name: 'Docker', serve: () => Promise.reject(new PartsError('no engine answers')) },
      { name: 'local broker', serve: () => Promise.resolve('local') },
    ],
    advice: 'Install Docker, or a JDK.',
    ...overrides,
  };
}

describe('the choice of a part', () => {
  beforeEach(() => (lines.length = 0));

  it('takes what the variable names, and tries nothing else', async () => {
    const external = { name: 'KAFKA_BROKERS', value: 'b:1', serve: () => Promise.resolve('external') };
    await expect(firstThatServes(choice({ external }), log)).resolves.toBe('external');
    expect(lines).toEqual([]);
  });

  it('does not fall back when what the variable names does not serve: it was asked for', async () => {
    const external = { name: 'KAFKA_BROKERS', value: 'b:1', serve: () => Promise.reject(new Error('ECONNREFUSED')) };
    await expect(firstThatServes(choice({ external }), log)).rejects.toThrow(
      'Kafka could not be started. Tried:\n  - KAFKA_BROKERS: ECONNREFUSED\nStart it, or unset KAFKA_BROKERS.',
    );
  });

  it('treats an empty variable as not set', async () => {
    const external = { name: 'KAFKA_BROKERS', value: '', serve: () => Promise.resolve('external') };
    await expect(firstThatServes(choice({ external }), log)).resolves.toBe('local');
  });

  it('goes on to the next one, and says in a line why', async () => {
    await expect(firstThatServes(choice(), log)).resolves.toBe('local');
    expect(lines).toEqual(['Kafka: Docker does not serve (no engine answers)']);
  });

  it('names everything that was tried, why it failed and what to install when nothing serves', async () => {
    const others = [
      { name: 'Docker', serve: () => Promise.reject(new AggregateError([new Error('no engine\n  at internals')])) },
      { name: 'local broker', serve: () => Promise.reject(new PartsError('no JDK 17 or newer (java not found)')) },
    ];
    const failure = await firstThatServes(choice({ others }), log).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NothingServesError);
    expect((failure as NothingServesError).message.split('\n')).toEqual([
      'Kafka could not be started. Tried:',
      '  - KAFKA_BROKERS: not set',
      '  - Docker: no engine',
      '  - local broker: no JDK 17 or newer (java not found)',
      'Install Docker, or a JDK.',
    ]);
  });
});
