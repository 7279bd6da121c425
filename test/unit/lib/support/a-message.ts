import type { OutboxMessage } from '../../../../lib/interfaces/outbox-publisher';

/** A message on its way to the broker; its id is its content, unless the test says otherwise. */
export function aMessage(id: string, changes: Partial<OutboxMessage> = {}): OutboxMessage {
  return { id, topic: 'orders', key: id, value: '{}', headers: {}, ...changes };
}
