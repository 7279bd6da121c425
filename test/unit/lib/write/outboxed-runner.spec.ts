import { runWithEvents, TransactionalOutboxedRunner, type OutboxedCall } from '../../../../lib/write/outboxed-runner';
import type { TransactionContext } from '../../../../lib/transaction/transaction-context';
import { anEvent } from '../support/an-event';
import { MockOutboxRepository } from '../support/mock-outbox.repository';

function aCall(changes: Partial<OutboxedCall> = {}): OutboxedCall {
  return { method: 'Orders.place', args: [], work: () => Promise.resolve('done'), events: undefined, ...changes };
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

describe('the transactional runner', () => {
  it('runs the method and adds its events inside one transaction', async () => {
    const log: string[] = [];
    const required = async <T>(work: () => Promise<T>): Promise<T> => {
      log.push('begin');
      const result = await work();
      log.push('commit');
      return result;
    };
    const runner = new TransactionalOutboxedRunner({ required } as unknown as TransactionContext, aRepository(log));
    await expect(runner.run(aCall({ events: () => anEvent() }))).resolves.toBe('done');
    expect(log).toEqual(['begin', 'added 1', 'commit']);
  });
});
