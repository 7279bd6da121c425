import { alternate } from '../../../bench/support/rounds';
import { ratio, summary } from '../../../bench/support/statistics';
import { Scope } from '../../../bench/support/scope';

describe('The rounds of the benchmark', () => {
  it('run by turns, each begun by another contender, and do not count the warm-up', async () => {
    const turns: string[] = [];
    const contender = (name: string): { name: string; measure: () => Promise<number> } => ({
      name,
      measure: () => Promise.resolve(turns.push(name)),
    });
    const figures = await alternate([contender('a'), contender('b')], {
      rounds: 2,
      log: () => undefined,
      warmUp: true,
    });
    expect(turns.join('')).toBe('abbaab');
    expect(figures).toEqual([
      [4, 5],
      [3, 6],
    ]);
  });

  it('are summed up by the median and the middle half, and compared round by round', () => {
    expect(summary([5, 1, 2, 4, 3])).toEqual({ median: 3, low: 2, high: 4 });
    expect(ratio([10, 30, 20], [10, 10, 10])).toEqual({ median: 2, low: 1.5, high: 2.5 });
  });
});

describe('What a measure has started', () => {
  it('is ended in reverse order, once, and what is started meanwhile at once', async () => {
    const ended: string[] = [];
    const end = (name: string) => async (): Promise<void> => void ended.push(name);
    const scope = new Scope();
    scope.onEnd(end('database'));
    scope.onEnd(end('relay'));
    await scope.end();
    await scope.end();
    scope.onEnd(end('late'));
    expect(ended).toEqual(['relay', 'database', 'late']);
  });
});
