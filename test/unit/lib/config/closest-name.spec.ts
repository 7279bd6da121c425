import { closestName } from '../../../../lib/config/closest-name';

describe('the closest name', () => {
  const names = ['kafka', 'batchSize', 'pollIntervalSeconds', 'relay'];

  it.each([
    ['batchsize', 'batchSize'],
    ['bacthSize', 'batchSize'],
    ['pollInterval', undefined],
    ['pollIntervalSecond', 'pollIntervalSeconds'],
    ['pollIntervalSec', 'pollIntervalSeconds'],
    ['Relay', 'relay'],
    ['kafk', 'kafka'],
    ['zzzzz', undefined],
    ['', undefined],
  ])('to "%s" is %s', (given, closest) => {
    expect(closestName(given, names)).toBe(closest);
  });

  it('is none where there are no names', () => {
    expect(closestName('relay', [])).toBeUndefined();
  });

  it('is the nearer one of two that are near', () => {
    expect(closestName('cats', ['carts', 'bats', 'cat'])).toBe('carts');
    expect(closestName('cats', ['boats', 'bats'])).toBe('bats');
  });
});
