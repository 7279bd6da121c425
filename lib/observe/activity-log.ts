import type { Logger } from '@nestjs/common';
import type { OutboxActivity, SilenceReason } from '../interfaces/outbox-activity';

const SILENCE_REASONS: Readonly<Record<SilenceReason, string>> = {
  no_lane_owner: 'no living relay owns their lanes; is a process with relay: true running?',
  publisher_unavailable: 'the broker cannot be reached',
  publisher_hangs: 'the publisher does not answer',
  database: 'the database cannot be reached',
  keys_held: 'they wait behind events that the broker refuses, or behind dead letters that hold their key',
  lease_lost: 'their lanes were lost and not regained',
  unknown: 'the relay knows no reason',
};

/** One line for each change of state: not for each event, nor for each try. Nothing of what events carry. */
export function logActivity(logger: Logger, activity: OutboxActivity): void {
  switch (activity.type) {
    case 'publisher-down':
      logger.warn(
        `The broker cannot be reached (${activity.reason}). Events wait in the table; delivery resumes by itself.`,
      );
      break;
    case 'publisher-up':
      logger.log('The broker is reached again; delivering what has waited.');
      break;
    case 'publisher-hangs':
      logger.warn(
        `The publisher has not answered for ${activity.seconds} s (leaseSeconds), so the relay leaves its share of the events to others, which send ` +
          'what is under way again. Bound the time that publish() may take, well below that.',
      );
      break;
    case 'publisher-in-time':
      logger.log('The publisher answers in time again.');
      break;
    case 'polls-only':
      logger.log(
        `The relay polls only: ${activity.reason}. Events of other processes wait for the poll, and a relay that was killed is replaced when its lease is over.`,
      );
      break;
    case 'delivery-failed':
      logger.warn(`Delivery is interrupted: ${activity.reason}. It resumes by itself.`);
      break;
    case 'delivery-resumed':
      logger.log('Delivery goes on after the interruption.');
      break;
    case 'lease-lost':
      logger.warn(
        `The relay has lost ${activity.lanes.length} of its lanes, as it could not renew its lease in time. Another one delivers their events.`,
      );
      break;
    case 'inbox-given-up':
      // The error of its handler is shown nowhere else from now on.
      logger.error(
        `The consumer ${activity.consumer} has given up the message ${activity.id} of the topic ${activity.topic} after ${activity.attempts} failed attempts: ` +
          `${activity.reason}. It is ${activity.retryTopic ? 'in the retry topic' : 'a dead letter of the inbox'}.`,
      );
      break;
    case 'silent':
      logger.warn(
        `Events are due, and nothing was delivered for ${Math.round(activity.seconds)} s: ${SILENCE_REASONS[activity.reason]}.`,
      );
      break;
    case 'silence-over':
      logger.log('Events are delivered again, or none is due.');
      break;
    default:
  }
}
