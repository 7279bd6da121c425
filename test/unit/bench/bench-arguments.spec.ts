import { parseArguments } from '../../../bench/bench-arguments';

const NAMES = ['drain', 'latency', 'idle'];

describe('The arguments of the benchmark', () => {
  it('measure everything, at length, unless told otherwise', () => {
    expect(parseArguments([], NAMES)).toEqual({ quick: false, json: false, only: NAMES });
    expect(parseArguments(['--quick', '--json'], NAMES)).toMatchObject({ quick: true, json: true });
  });

  it('choose measures by name, in whatever order they are given', () => {
    expect(parseArguments(['--only', 'idle,drain'], NAMES).only).toEqual(['drain', 'idle']);
    expect(parseArguments(['--only=latency'], NAMES).only).toEqual(['latency']);
  });

  it('say what there is where a name is wrong or missing', () => {
    expect(() => parseArguments(['--only', 'drain,lag'], NAMES)).toThrow(
      '--only: nothing is called lag; there are drain, latency, idle',
    );
    expect(() => parseArguments(['--only'], NAMES)).toThrow('--only needs at least one of drain, latency, idle');
    expect(() => parseArguments(['--only', '--json'], NAMES)).toThrow('nothing is called --json');
  });

  it('refuse what they do not know', () => {
    expect(() => parseArguments(['--fast'], NAMES)).toThrow(
      '--fast is not an argument; use: npm run bench -- [--quick]',
    );
  });
});
