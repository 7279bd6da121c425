import { Logger } from '@nestjs/common';
import type { OutboxActivity } from '../../../../lib/interfaces/outbox-activity';
import { logActivity } from '../../../../lib/observe/activity-log';
import { RelayReport } from '../../../../lib/relay/relay-report';

describe('the report of the relay', () => {
  let lines: string[];
  let told: OutboxActivity[];
  let report: RelayReport;
  beforeEach(() => {
    lines = [];
    told = [];
    const logger = new Logger();
    jest.spyOn(logger, 'warn').mockImplementation((line: string) => lines.push(`warn ${line}`));
    jest.spyOn(logger, 'log').mockImplementation((line: string) => lines.push(`log ${line}`));
    report = new RelayReport((activity) => {
      told.push(activity);
      logActivity(logger, activity);
    });
  });

  it('says nothing while all is well', () => {
    report.publisherReached();
    report.databaseReached();
    expect(lines).toEqual([]);
  });

  it('says once that the broker is away, with the first reason, and once that it is back', () => {
    report.publisherUnavailable('connection refused');
    report.publisherUnavailable('timeout');
    report.publisherReached();
    report.publisherReached();
    expect(lines).toEqual([
      'warn The broker cannot be reached (connection refused). Events wait in the table; delivery resumes by itself.',
      'log The broker is reached again; delivering what has waited.',
    ]);
  });

  it('says once that delivery is interrupted, and once that it goes on', () => {
    report.deliveryFailed(new Error('connection terminated'));
    report.deliveryFailed(new Error('connection refused'));
    report.databaseReached();
    report.databaseReached();
    expect(lines).toEqual([
      'warn Delivery is interrupted: connection terminated. It resumes by itself.',
      'log Delivery goes on after the interruption.',
    ]);
  });

  it('says once that the publisher hangs, and what to do about it, and once that it answers in time again', () => {
    report.publisherInTime();
    report.publisherHangs(30);
    report.publisherHangs(30);
    report.publisherInTime();
    report.publisherInTime();
    expect(lines).toEqual([
      expect.stringMatching(/^warn The publisher has not answered for 30 s \(leaseSeconds\), .* Bound the time/),
      'log The publisher answers in time again.',
    ]);
  });

  it('says it again at the next change', () => {
    for (const reason of ['first', 'second']) {
      report.publisherUnavailable(reason);
      report.publisherReached();
      report.deliveryFailed(new Error(reason));
      report.databaseReached();
    }
    expect(lines).toHaveLength(8);
    expect(lines[4]).toContain('second');
    expect(lines[6]).toContain('second');
  });

  it('tells of the broker and the database apart', () => {
    report.publisherUnavailable('away');
    report.deliveryFailed(new Error('gone'));
    report.databaseReached();
    expect(lines.map((line) => line.slice(0, 25))).toEqual([
      'warn The broker cannot be',
      'warn Delivery is interrup',
      'log Delivery goes on afte',
    ]);
  });

  it.each([
    ['directly', { code: '42P01', message: 'relation "event_outbox" does not exist' }],
    ['from the driver', { driverError: { code: '42P01' }, message: 'relation "event_outbox" does not exist' }],
  ])('names the remedy where a table is missing, which the error says %s', (_how, properties) => {
    report.deliveryFailed(Object.assign(new Error(properties.message), properties));
    expect(lines).toEqual([
      expect.stringMatching(
        /a table of the outbox does not exist \(relation "event_outbox" does not exist\); run the migration from "nestjs-outboxed\/migrations"/,
      ),
    ]);
  });

  it.each([
    [
      'an error without a message, by its code',
      Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }),
      'ECONNREFUSED',
    ],
    ['an error without message and code', new Error(''), 'Error'],
    ['what is no error', 'a text', 'a text'],
  ])('tells of %s', (_what, error, told) => {
    report.deliveryFailed(error);
    expect(lines).toEqual([`warn Delivery is interrupted: ${told}. It resumes by itself.`]);
  });
});
