import { of } from 'rxjs';
import { promisedResult } from '../../../../lib/decoration/promised-result';
import { OutboxedResultUnsupportedError } from '../../../../lib/errors/outboxed.errors';

const wait = (work: () => unknown): Promise<unknown> => promisedResult('Shipping.ship', '@IdempotentConsumer()', work);

describe('the result of a decorated method', () => {
  it.each([['shipped'], [undefined], [null], [['a', 'list']], [new Set(['a'])], [{ next: 1 }]])(
    'is %p, at once or later',
    async (result) => {
      await expect(wait(() => result)).resolves.toBe(result);
      await expect(wait(() => Promise.resolve(result))).resolves.toBe(result);
    },
  );

  it('is the failure where it fails, at once or later', async () => {
    const failure = new Error('no stock');
    const fail = (): never => {
      throw failure;
    };
    await expect(wait(fail)).rejects.toBe(failure);
    await expect(wait(() => Promise.reject(failure))).rejects.toBe(failure);
  });

  it.each([
    ['an Observable', () => of('shipped')],
    ['an Observable', () => Promise.resolve(of('shipped'))],
    [
      'a generator',
      function* () {
        yield 'shipped';
      },
    ],
    [
      'a generator',
      async function* () {
        yield Promise.resolve('shipped');
      },
    ],
  ])('is refused where its work is done only later, under the name of the decorator: %s', async (kind, work) => {
    await expect(wait(work)).rejects.toThrow(OutboxedResultUnsupportedError);
    await expect(wait(work)).rejects.toThrow(
      `Shipping.ship is decorated with @IdempotentConsumer() and returned ${kind}, whose work is done only when`,
    );
  });
});
