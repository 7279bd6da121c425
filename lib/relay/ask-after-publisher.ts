import type { OutboxPublisher } from '../interfaces/outbox-publisher';
import { withTimeLimit } from '../time/time-limit';
import type { RelayReport } from './relay-report';

const LIMIT_MS = 5000;

/**
 * For a relay that has nothing to send: another one may have delivered what it failed at, and then no send of its own would ever show that the broker is back. While
 * it is taken for away, it is asked.
 */
export async function askAfterPublisher(
  publisher: Pick<OutboxPublisher, 'connect'>,
  report: RelayReport,
): Promise<void> {
  // Nothing is being sent, so no send hangs.
  report.publisherInTime();
  if (!report.publisherIsAway) {
    return;
  }
  const reached = publisher.connect().then(
    () => true,
    () => false,
  );
  if (await withTimeLimit(LIMIT_MS, reached, () => false)) {
    report.publisherReached();
  }
}
