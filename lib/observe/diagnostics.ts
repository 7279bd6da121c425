import { channel, type Channel } from 'node:diagnostics_channel';
import type { ActivitySink, OutboxActivity } from '../interfaces/outbox-activity';

/**
 * Publishes each activity on Node's `diagnostics_channel` as well, as `nestjs-outboxed:<type>`, with the name of the data source; costs nothing
 * where nobody has subscribed.
 */
export function diagnosticsSink(dataSource: string): ActivitySink {
  const channels = new Map<OutboxActivity['type'], Channel>();
  return (activity) => {
    let known = channels.get(activity.type);
    if (known === undefined) {
      known = channel(`nestjs-outboxed:${activity.type}`);
      channels.set(activity.type, known);
    }
    if (known.hasSubscribers) {
      known.publish({ dataSource, ...activity });
    }
  };
}
