import { ChaosArgumentsError, parseArguments } from '../../chaos/chaos-arguments';

const parse = (...given: string[]): ReturnType<typeof parseArguments> =>
  parseArguments(given, 42, ['relay killed', 'broker killed']);

describe('The arguments of the chaos run', () => {
  it('have defaults, among them a fresh seed', () => {
    expect(parse()).toEqual({
      seconds: 60,
      seed: 42,
      eventsPerSecond: 500,
      json: false,
      faults: true,
      only: '',
      keep: false,
      check: undefined,
    });
  });

  it('are read in any order', () => {
    const given = [
      '--json',
      '--seed',
      '0',
      '--no-faults',
      '--seconds',
      '5',
      '--keep',
      '--rate',
      '10',
      '--check',
      'there',
    ];
    expect(parse(...given)).toEqual({
      seconds: 5,
      seed: 0,
      eventsPerSecond: 10,
      json: true,
      faults: false,
      only: '',
      keep: true,
      check: 'there',
    });
    expect(parse('--only', 'relay').only).toBe('relay');
  });

  it.each([
    [['--seconds'], '--seconds needs a whole number'],
    [['--seconds', '0'], '--seconds needs a whole number'],
    [['--seed', '-1'], '--seed needs a whole number'],
    [['--rate', 'x'], '--rate needs a whole number'],
    [['--check'], '--check needs the folder'],
    [['--only', 'meteor'], 'there are\n  relay killed\n  broker killed'],
    [['--fast'], '--fast is not an argument'],
  ])('that are wrong are named: %j', (given, message) => {
    expect(() => parse(...given)).toThrow(ChaosArgumentsError);
    expect(() => parse(...given)).toThrow(message);
  });
});
