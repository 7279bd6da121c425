import type { InboxConsumerOptions } from 'nestjs-outboxed';

/** How shipping consumes: a record that comes again is skipped. One without an id is malformed, and is reported as such. */
export const SHIPPING = { consumer: 'shipping', withoutId: 'process' } satisfies InboxConsumerOptions;
