import type { OnApplicationShutdown } from '@nestjs/common';
import { Subject } from 'rxjs';
import type { ActivitySink, OutboxActivity } from '../interfaces/outbox-activity';
import { OutboxEvents } from './outbox-events';

/** The one stream behind logs, metrics, health and the silence detector. */
export class ActivityStream extends OutboxEvents implements OnApplicationShutdown {
  private readonly subject: Subject<OutboxActivity>;

  constructor() {
    const subject = new Subject<OutboxActivity>();
    super((subscriber) => subject.subscribe(subscriber));
    this.subject = subject;
  }

  /** RxJS keeps a subscriber's error from here. */
  readonly emit: ActivitySink = (activity) => {
    this.subject.next(activity);
  };

  /** After all others have said what they had to say. */
  onApplicationShutdown(): void {
    this.subject.complete();
  }
}
