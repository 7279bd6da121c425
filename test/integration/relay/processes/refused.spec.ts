import { randomUUID } from 'node:crypto';
import { completeAndInOrder, deliveries, nothingPending } from '../../support/process-backlog';
import { createDatabase } from '../../support/database';
import { createTopic, describeWithKafka } from '../../support/kafka';
import { anEvent, startOutboxApp } from '../../support/outbox-app';
import { RelayProcess } from '../../support/relay-process';

/** More than the broker takes unless configured. */
const TOO_LARGE = 1_500_000;
const MAX_EVENT_BYTES = 3_000_000;
const MAX_RETRIES = 2;

describeWithKafka(
  'A relay process that meets a record above the limit and an unknown topic in the middle of a batch',
  () => {
    it('gives only these up, after their retries, and delivers everything else in order, later events of their keys included', async () => {
      const database = await createDatabase();
      const topic = await createTopic();
      const missing = `missing-${randomUUID()}`;
      const writer = await startOutboxApp({
        url: database.url,
        outbox: { relay: false, maxEventBytes: MAX_EVENT_BYTES },
      });
      const events = Array.from({ length: 3000 }, (_, n) =>
        anEvent({ topic, aggregateId: `key-${String(n % 100)}`, eventData: { n } }),
      );
      events[1042] = anEvent({ topic, aggregateId: 'key-42', eventData: { filler: 'x'.repeat(TOO_LARGE) } });
      events[1077] = anEvent({ topic: missing, aggregateId: 'key-77' });
      const ids = await writer.dataSource.transaction(() => writer.outbox.addEvents(events));
      const relay = await RelayProcess.start({
        url: database.url,
        outbox: { maxRetries: MAX_RETRIES, errorRetryIntervalSeconds: 0.2, maxEventBytes: MAX_EVENT_BYTES },
      });
      expect(await nothingPending(database)).toMatchObject({ published: events.length - 2, dead: 2, attempts: 0 });
      const dead = await database.query<{ id: string; attempts: number; reason: string }>(
        'select id::text, attempts::int, reason from event_outbox_dead_letter order by seq',
      );
      expect(dead).toEqual([
        { id: ids[1042], attempts: MAX_RETRIES + 1, reason: expect.stringContaining('MESSAGE_TOO_LARGE') as string },
        { id: ids[1077], attempts: MAX_RETRIES + 1, reason: expect.stringContaining('UNKNOWN_TOPIC') as string },
      ]);
      expect(await deliveries(database, topic)).toEqual(completeAndInOrder(events.length - 2));
      expect(await relay.kill('SIGTERM')).toBe(0);
      await writer.close();
      await database.drop();
    });
  },
);
