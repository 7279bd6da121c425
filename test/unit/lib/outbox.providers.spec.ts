import { Module, type DynamicModule } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { OutboxMessage, PublishResult } from '../../../lib/interfaces/outbox-publisher';
import { OutboxModule } from '../../../lib/outbox.module';
import { deleteExpired } from '../../../lib/store/delete-expired';
import { deleteHandledMessages } from '../../../lib/store/delete-handled-messages';
import { RelayStore } from '../../../lib/relay/relay-store';
import type { FetchedBatch } from '../../../lib/store/fetch-pending';
import { leave } from '../../../lib/store/leave';
import type { PendingEvent } from '../../../lib/store/pending-event';
import { renewLanes, type RenewedLanes } from '../../../lib/store/renew-lanes';
import { SettlePublished } from '../../../lib/store/settle-published';
import { settleRejected } from '../../../lib/store/settle-rejected';
import { takeLanes, type LanesAfterTaking } from '../../../lib/store/take-lanes';
import { aDataSource } from './support/a-data-source';
import { aPendingEvent } from './support/a-pending-event';

jest.mock('../../../lib/store/delete-expired');
jest.mock('../../../lib/store/delete-handled-messages');
jest.mock('../../../lib/relay/relay-store');
jest.mock('../../../lib/store/leave');
jest.mock('../../../lib/store/renew-lanes');
jest.mock('../../../lib/store/settle-published');
jest.mock('../../../lib/store/settle-rejected');
jest.mock('../../../lib/store/take-lanes');

const fetching = jest.mocked(RelayStore.prototype.fetch);
const readingDue = jest.mocked(RelayStore.prototype.dueRetries);
const renewing = jest.mocked(renewLanes);
const taking = jest.mocked(takeLanes);

const lanes = Array.from({ length: 64 }, (_, lane) => ({ lane, epoch: '1' }));
const NO_RENEWED: RenewedLanes = { lanes: [], target: 64, joined: false };
const ALL_RENEWED: RenewedLanes = { lanes, target: 64, joined: false };
const NONE_TAKEN: LanesAfterTaking = { kept: [], taken: [], target: 64 };
const ALL_TAKEN: LanesAfterTaking = { kept: [], taken: lanes, target: 64 };
const fetched = (events: readonly PendingEvent[], due: number | null = null): FetchedBatch => ({
  events,
  snapshot: { xmax: '1', running: [] },
  lateFound: 0,
  lateUnknown: false,
  found: new Map(),
  reached: new Map(),
  rewinds: [],
  waiting: { due, held: due !== null },
});
/** The longest there is, so that no poll helps. */
const POLL_SECONDS = 3600;

/** The relay of an application as it is put together, over tables that a test makes up. */
describe('the parts of a relay together', () => {
  let module: TestingModule;
  let publish: jest.Mock<Promise<PublishResult>, [readonly OutboxMessage[]]>;
  /** When an event of the table is due for its retry. */
  let retryAt: number | null;
  const dueInSeconds = (): number | null => (retryAt === null ? null : (retryAt - performance.now()) / 1000);

  beforeEach(async () => {
    jest.useFakeTimers();
    jest.resetAllMocks();
    renewing.mockResolvedValue(NO_RENEWED);
    taking.mockResolvedValue(NONE_TAKEN);
    retryAt = null;
    fetching.mockImplementation(({ lookForWaiting }) => {
      const found = fetched([], dueInSeconds());
      return Promise.resolve(lookForWaiting ? found : { ...found, waiting: undefined });
    });
    jest.mocked(RelayStore.prototype.ripen).mockResolvedValue(0);
    readingDue.mockResolvedValue([]);
    jest.mocked(leave).mockResolvedValue();
    jest.mocked(deleteExpired).mockResolvedValue({ deleted: 0, next: null, busy: false });
    jest.mocked(deleteHandledMessages).mockResolvedValue({ deleted: 0, next: null, busy: false });
    jest.mocked(SettlePublished.prototype.run).mockImplementation((_source, _claim, seqs) => Promise.resolve(seqs));
    jest
      .mocked(settleRejected)
      .mockImplementation((_source, _tables, _claim, rows) => Promise.resolve(rows.map(({ seq }) => seq)));
    publish = jest.fn((batch) => Promise.resolve({ outcomes: batch.map(() => ({ status: 'published' as const })) }));
    const provide = getDataSourceToken();
    @Module({})
    class DataSourceModule {}
    const dataSourceModule: DynamicModule = {
      module: DataSourceModule,
      global: true,
      providers: [{ provide, useValue: await aDataSource() }],
      exports: [provide],
    };
    const nothing = (): Promise<void> => Promise.resolve();
    const outbox = OutboxModule.forRoot({
      publisher: { connect: nothing, publish, disconnect: nothing },
      pollIntervalSeconds: POLL_SECONDS,
      errorRetryIntervalSeconds: 10,
      leaseSeconds: 30,
    });
    module = await Test.createTestingModule({ imports: [dataSourceModule, outbox] }).compile();
  });
  afterEach(async () => {
    await module.close();
    jest.useRealTimers();
  });

  const seconds = (number: number): Promise<void> => jest.advanceTimersByTimeAsync(number * 1000);

  it('deliver what a takeover brings at once, not with the next poll', async () => {
    taking.mockResolvedValueOnce(ALL_TAKEN);
    renewing.mockResolvedValueOnce(NO_RENEWED).mockResolvedValue(ALL_RENEWED);
    fetching.mockResolvedValueOnce(fetched([aPendingEvent()]));
    await module.init();
    await seconds(0);
    expect(publish).toHaveBeenCalledTimes(1);
  });

  it('deliver at once what the timer of the leases has taken over, not with the next poll', async () => {
    await module.init();
    await seconds(9);
    expect(fetching).not.toHaveBeenCalled();
    taking.mockResolvedValueOnce(ALL_TAKEN);
    renewing.mockResolvedValueOnce(NO_RENEWED).mockResolvedValue(ALL_RENEWED);
    fetching.mockResolvedValueOnce(fetched([aPendingEvent()]));
    await seconds(2);
    expect(fetching.mock.calls[0]?.[0].heads.size).toBe(64);
    expect(publish).toHaveBeenCalledTimes(1);
  });

  it('look for nothing where the timer of the leases has taken nothing', async () => {
    renewing.mockResolvedValue(ALL_RENEWED);
    await module.init();
    await seconds(5);
    const before = fetching.mock.calls.length;
    await seconds(60);
    expect(fetching.mock.calls.length).toBe(before);
    expect(renewing.mock.calls.length).toBeGreaterThan(5);
  });

  it('deliver a retry when it is due, not with the next poll', async () => {
    renewing.mockResolvedValue(ALL_RENEWED);
    fetching.mockResolvedValueOnce(fetched([aPendingEvent()]));
    publish.mockResolvedValueOnce({ outcomes: [{ status: 'rejected', reason: 'no' }] });
    await module.init();
    await seconds(0);
    const waitsFor = jest.mocked(settleRejected).mock.calls[0]?.[3][0]?.retryInSeconds ?? 0;
    retryAt = performance.now() + waitsFor * 1000;
    await seconds(waitsFor - 0.1);
    expect([publish.mock.calls.length, readingDue.mock.calls.length]).toEqual([1, 0]);
    readingDue.mockImplementationOnce(() => {
      retryAt = null;
      return Promise.resolve([aPendingEvent({ attempts: 1 })]);
    });
    await seconds(0.2);
    expect(publish).toHaveBeenCalledTimes(2);
  });

  it('deliver a retry of a former owner when it is due, not with the next poll', async () => {
    taking.mockResolvedValueOnce(ALL_TAKEN);
    renewing.mockResolvedValueOnce(NO_RENEWED).mockResolvedValue(ALL_RENEWED);
    retryAt = performance.now() + 7000;
    await module.init();
    await seconds(6.9);
    expect([publish.mock.calls.length, readingDue.mock.calls.length]).toEqual([0, 0]);
    readingDue.mockImplementationOnce(() => {
      retryAt = null;
      return Promise.resolve([aPendingEvent({ attempts: 1 })]);
    });
    await seconds(0.2);
    expect(publish).toHaveBeenCalledTimes(1);
  });

  it('delete what has been kept long enough, soon after the start and every minute', async () => {
    await module.init();
    await seconds(10);
    expect(jest.mocked(deleteExpired).mock.calls.map(([, , ...what]) => what)).toEqual([['published', 86_400, '0']]);
    expect(jest.mocked(deleteHandledMessages).mock.calls.map(([, , ...what]) => what)).toEqual([[1_209_600]]);
    await seconds(60);
    expect(deleteExpired).toHaveBeenCalledTimes(2);
    expect(deleteHandledMessages).toHaveBeenCalledTimes(2);
  });

  it('pass over what is held in lanes that come while they look for it in others', async () => {
    renewing.mockResolvedValueOnce({ lanes: lanes.slice(0, 32), target: 32, joined: false });
    renewing.mockResolvedValue(ALL_RENEWED);
    let answer = (): void => undefined;
    fetching.mockReturnValueOnce(
      new Promise((resolve) => {
        answer = () => resolve(fetched([aPendingEvent()]));
      }),
    );
    await module.init();
    // The timer of the leases takes the other half, while the fetch is under way.
    await seconds(11);
    answer();
    await seconds(0);
    const queries = fetching.mock.calls.map(([{ heads, passOver }]) => [heads.size, passOver]);
    expect(queries.slice(0, 2)).toEqual([
      [32, true],
      [64, true],
    ]);
  });

  it('rest where all lanes were lost during a send that was refused', async () => {
    renewing.mockResolvedValueOnce(ALL_RENEWED);
    fetching.mockResolvedValueOnce(fetched([aPendingEvent()]));
    let refuse = (): void => undefined;
    publish.mockReturnValueOnce(
      new Promise((resolve) => {
        refuse = () => resolve({ outcomes: [{ status: 'rejected', reason: 'no' }] });
      }),
    );
    jest.mocked(settleRejected).mockResolvedValue([]);
    await module.init();
    // The timer of the leases notices the loss, while the request is under way.
    await seconds(15);
    refuse();
    await seconds(15);
    const clock = jest.spyOn(performance, 'now');
    await seconds(1);
    const asked = clock.mock.calls.length;
    clock.mockRestore();
    // Each round asks the clock; the timer of the leases does so, too.
    expect(asked).toBeLessThan(20);
  });
});
