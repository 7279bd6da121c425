import { randomUUID } from 'node:crypto';
import type { OutboxMessage } from '../../../../lib/interfaces/outbox-publisher';
import { InProcessPublisher } from '../../../../lib/publish/in-process.publisher';
import { describePublisher, type Destination } from '../../../conformance/publisher-conformance';

/** Keeps what handlers were given. */
class Handlers implements Destination {
  readonly keys = ['a', 'b', 'c', 'd', 'e', 'f'];
  readonly longestMs = { publish: 1000, disconnect: 1000 };
  private readonly topics = new Map<string, OutboxMessage[]>();

  publisher(): InProcessPublisher {
    const publisher = new InProcessPublisher();
    for (const [topic, written] of this.topics) {
      publisher.subscribe(topic, (message) => {
        if (message.headers['refuse'] !== undefined) {
          throw new Error('refused');
        }
        written.push(message);
      });
    }
    return publisher;
  }

  createTopic(): Promise<string> {
    const topic = randomUUID();
    this.topics.set(topic, []);
    return Promise.resolve(topic);
  }

  read(topic: string): Promise<OutboxMessage[]> {
    return Promise.resolve(this.topics.get(topic) ?? []);
  }

  refused(message: OutboxMessage): OutboxMessage {
    return { ...message, headers: { ...message.headers, refuse: 'yes' } };
  }

  openConnections(): number {
    return 0;
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

describePublisher('in process', { start: () => Promise.resolve(new Handlers()), faults: [] });
