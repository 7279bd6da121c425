import { Logger } from '@nestjs/common';
import type { OutboxActivity } from '../../../../lib/interfaces/outbox-activity';
import { logActivity } from '../../../../lib/observe/activity-log';

const NAMED = { consumer: 'shipping', id: 'e1', topic: 'orders', attempts: 10, reason: 'Error: no stock' } as const;

describe('the log', () => {
  function logged(activity: OutboxActivity): string[] {
    const lines: string[] = [];
    const logger = new Logger();
    for (const level of ['error', 'warn', 'log', 'debug', 'verbose'] as const) {
      jest
        .spyOn(logger, level)
        .mockImplementation((...[line]: unknown[]) => void lines.push(`${level} ${String(line)}`));
    }
    logActivity(logger, activity);
    return lines;
  }

  it.each([
    [false, 'a dead letter of the inbox'],
    [true, 'in the retry topic'],
  ])('tells of a message that a consumer has given up, why, and where it is (retry topic: %p)', (retryTopic, where) => {
    expect(logged({ type: 'inbox-given-up', ...NAMED, retryTopic })).toEqual([
      'error The consumer shipping has given up the message e1 of the topic orders after 10 failed attempts: ' +
        `Error: no stock. It is ${where}.`,
    ]);
  });

  it.each<OutboxActivity>([
    { type: 'inbox-processed', consumer: 'shipping', ageSeconds: [0.1] },
    { type: 'inbox-skipped', consumer: 'shipping', count: 1 },
    { type: 'inbox-failed', ...NAMED },
  ])('has nothing of what a consumer does else, as its own log has it: $type', (activity) => {
    expect(logged(activity)).toEqual([]);
  });
});
