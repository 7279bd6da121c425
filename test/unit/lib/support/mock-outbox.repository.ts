import { OutboxRepository } from '../../../../lib/write/outbox.repository';

/** The outbox with a mock for each method, as a test of a service may have it. */
export class MockOutboxRepository extends OutboxRepository {
  override addEvent = jest.fn<Promise<string>, Parameters<OutboxRepository['addEvent']>>();
  override addEvents = jest.fn<Promise<string[]>, Parameters<OutboxRepository['addEvents']>>();
  override getEventById = jest.fn<ReturnType<OutboxRepository['getEventById']>, [string]>();
  override getUnpublishedEvents = jest.fn<ReturnType<OutboxRepository['getUnpublishedEvents']>, [number?]>();
  override stats = jest.fn<ReturnType<OutboxRepository['stats']>, []>();
}
