import { of } from 'rxjs';
import { OutboxedResultUnsupportedError } from '../../../../lib/errors/outboxed.errors';
import { runWithEvents, TransactionalOutboxedRunner, type OutboxedCall } from '../../../../lib/write/outboxed-runner';
import type { OutboxTransactions } from '../../../../lib/transaction/outbox-transactions';
import type { OutboxTransactionOptions } from '../../../../lib/transaction/propagation';
import { anEvent } from '../support/an-event';
import { MockOutboxRepository } from '../support/mock-outbox.repository';
import { thrown } from '../support/thrown';

function aCall(changes: Partial<OutboxedCall> = {}): OutboxedCall {
  return {
    method: 'Orders.place',
    args: [],
    work: () => Promise.resolve('done'),
    events: undefined,
    transaction: {},
    ...changes,
  };
}

function aRepository(log: string[] = []): MockOutboxRepository {
  const repository = new MockOutboxRepository();
  repository.addEvents.mockImplementation((events) => {
    log.push(`added ${events.length}`);
    return Promise.resolve(events.map(() => 'id'));
  });
  return repository;
}

describe('a call with declared events', () => {
  it('adds them in one piece after the method has ended', async () => {
    const log: string[] = [];
    const work = async (): Promise<string> => {
      await Promise.resolve();
      log.push('worked');
      return 'done';
    };
    const repository = aRepository(log);
    await expect(runWithEvents(aCall({ work, events: () => [anEvent(), anEvent()] }), repository)).resolves.toBe(
      'done',
    );
    expect(log).toEqual(['worked', 'added 2']);
    expect(repository.addEvents.mock.calls).toEqual([[[anEvent(), anEvent()]]]);
  });

  it('does not end before they are added, and fails with them', async () => {
    const repository = aRepository();
    repository.addEvents.mockRejectedValue(new Error('no room'));
    await expect(runWithEvents(aCall({ events: () => anEvent() }), repository)).rejects.toThrow('no room');
  });

  it('adds nothing where there are none, so that no transaction is needed for it', async () => {
    const repository = aRepository();
    await runWithEvents(aCall(), repository);
    await runWithEvents(aCall({ events: () => undefined }), repository);
    await runWithEvents(aCall({ events: () => [] }), repository);
    expect(repository.addEvents).not.toHaveBeenCalled();
  });
});

describe('a call whose work is done only later', () => {
  it.each([
    ['an Observable', () => of('done')],
    ['an Observable', () => Promise.resolve(of('done'))],
    [
      'a generator',
      function* () {
        yield 'done';
      },
    ],
    [
      'a generator',
      async function* () {
        yield Promise.resolve('done');
      },
    ],
  ])('is refused, and adds nothing: %s', async (kind, work) => {
    const repository = aRepository();
    const error = await thrown(OutboxedResultUnsupportedError, () =>
      runWithEvents(aCall({ work, events: () => anEvent() }), repository),
    );
    expect(error.message).toContain(`Orders.place is decorated with @Outboxed() and returned ${kind}`);
    expect(error.message).toContain('await firstValueFrom(observable)');
    expect(repository.addEvents).not.toHaveBeenCalled();
  });

  it.each([[['a', 'list']], [new Set(['a'])], ['a text'], [undefined], [null]])('is not: %p', async (result) => {
    await expect(runWithEvents(aCall({ work: () => result }), aRepository())).resolves.toBe(result);
  });
});

describe('the transactional runner', () => {
  it('runs the method and adds its events inside one transaction', async () => {
    const log: string[] = [];
    const given: unknown[] = [];
    const run = async <T>(work: () => Promise<T>, options?: OutboxTransactionOptions): Promise<T> => {
      given.push(options);
      log.push('begin');
      const result = await work();
      log.push('commit');
      return result;
    };
    const runner = new TransactionalOutboxedRunner({ run } as unknown as OutboxTransactions, aRepository(log));
    const transaction = { propagation: 'NESTED', isolationLevel: 'SERIALIZABLE' } as const;
    await expect(runner.run(aCall({ events: () => anEvent(), transaction }))).resolves.toBe('done');
    expect(log).toEqual(['begin', 'added 1', 'commit']);
    expect(given).toEqual([transaction]);
  });
});
