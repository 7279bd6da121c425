import type { InboxMessage, InboxPayload, InboxPayloadMessage } from '../../../../lib/interfaces/inbox-message';

/** What kafkajs hands over; its header `ce_id` is the id, unless the test says otherwise. */
export function aPayload(id: string, changes: Partial<InboxPayloadMessage> = {}): InboxPayload {
  return {
    topic: 'orders',
    partition: 3,
    message: {
      key: Buffer.from('4711'),
      value: Buffer.from('{"total":12}'),
      headers: { ce_id: Buffer.from(id) },
      offset: '7',
      timestamp: '1767323045678',
      ...changes,
    },
  };
}

/** A record as the inbox sees it. */
export function anInboxMessage(changes: Partial<InboxMessage> = {}): InboxMessage {
  return {
    topic: 'orders',
    partition: 3,
    offset: '7',
    key: Buffer.from('4711'),
    value: Buffer.from('{"total":12}'),
    headers: { ce_id: 'e1' },
    timestamp: 1_767_323_045_678,
    ...changes,
  };
}
