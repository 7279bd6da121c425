import { Observable } from 'rxjs';
import type { OutboxActivity } from '../interfaces/outbox-activity';

/**
 * All that happens in the outbox of this process, as an RxJS observable, for those who bring their own tools. It has no memory: who subscribes hears what
 * happens from then on. It completes when the application has closed. An error that a subscriber throws is reported as RxJS reports
 * it (`config.onUnhandledError`; unless that is set it is thrown from a timer, which ends the process), and does not reach the outbox.
 *
 * ```ts
 * constructor(events: OutboxEvents) {
 *   events.pipe(filter((activity) => activity.type === 'dead')).subscribe(({ events }) => this.tell(events));
 * }
 * ```
 */
export class OutboxEvents extends Observable<OutboxActivity> {}
