import { OutboxOptionsInvalidError } from '../../../../lib/errors/start-up.errors';
import { isolationLevels, propagations, type OutboxPropagation } from '../../../../lib/transaction/propagation';
import { assertTransactionOptions } from '../../../../lib/transaction/transaction-option-rules';
import { thrown } from '../support/thrown';

describe('the options of a transaction', () => {
  it.each(propagations)('may ask for %s', (propagation) => {
    expect(() => assertTransactionOptions({ propagation })).not.toThrow();
  });

  it.each(isolationLevels)('may ask for %s', (isolationLevel) => {
    expect(() => assertTransactionOptions({ isolationLevel })).not.toThrow();
  });

  it('may ask for nothing', () => {
    expect(() => assertTransactionOptions({})).not.toThrow();
    expect(() => assertTransactionOptions({ propagation: undefined, isolationLevel: undefined })).not.toThrow();
  });

  it('that are wrong are named with what was given and what is allowed, all at once', async () => {
    const error = await thrown(OutboxOptionsInvalidError, () =>
      assertTransactionOptions({
        propagation: 'required' as OutboxPropagation,
        isolationLevel: 'SNAPSHOT',
      }),
    );
    expect(error.faults).toEqual([
      'propagation is "required", and must be one of REQUIRED, REQUIRES_NEW, NESTED, MANDATORY',
      'isolationLevel is "SNAPSHOT", and must be one of READ UNCOMMITTED, READ COMMITTED, REPEATABLE READ, SERIALIZABLE',
    ]);
  });

  it.each([null, 7, ''])('are wrong where they are %p', (given) => {
    expect(() => assertTransactionOptions({ propagation: given as unknown as OutboxPropagation })).toThrow(
      `propagation is ${JSON.stringify(given)}, and must be one of`,
    );
  });
});
