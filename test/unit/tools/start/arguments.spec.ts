import type { StartArguments } from '../../../../tools/start/start-arguments';

// Plain JavaScript, as it runs before anything is installed.
const { parseArguments } = jest.requireActual<{
  parseArguments: (args: readonly string[]) => { options: StartArguments; fault?: string };
}>('../../../../tools/start/arguments.cjs');

const DEFAULTS = { orders: null, json: false, help: false };

describe('command line of npm start', () => {
  it.each([
    [[], DEFAULTS],
    [['--orders', '500'], { ...DEFAULTS, orders: 500 }],
    [['--orders=500', '--json'], { ...DEFAULTS, orders: 500, json: true }],
    [['--json', '--orders', '1'], { ...DEFAULTS, orders: 1, json: true }],
    [['--help'], { ...DEFAULTS, help: true }],
  ])('takes %j', (args, options) => {
    expect(parseArguments(args)).toEqual({ options });
  });

  it.each([
    [['--order', '5'], '"--order" is not known.'],
    [['500'], '"500" is not known.'],
    [['--orders'], '--orders is missing its number, and must be from 1 to 1000000.'],
    [['--orders', '0'], '--orders is "0", and must be from 1 to 1000000.'],
    [['--orders', '--json'], '--orders is "--json", and must be from 1 to 1000000.'],
    [['--orders=1e3'], '--orders is "1e3", and must be from 1 to 1000000.'],
    [['--json'], '--json goes with --orders N.'],
  ])('refuses %j', (args, fault) => {
    expect(parseArguments(args)).toMatchObject({ fault });
  });
});
