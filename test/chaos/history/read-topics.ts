import { randomUUID } from 'node:crypto';
import type { IHeaders } from 'kafkajs';
import type { TopicRecord } from '../checker/history';
import type { Stage } from '../stage/stage';
import { TOPICS } from '../topics';
import { digest } from './digest';

/** All that the topics hold, each partition in the order of its offsets. */
export async function readTopics(stage: Stage): Promise<TopicRecord[]> {
  const records: TopicRecord[] = [];
  const ends = await endsOfPartitions(stage);
  const unread = new Set(ends.keys());
  if (unread.size === 0) {
    return records;
  }
  const consumer = stage.client().consumer({ groupId: `chaos-check-${randomUUID()}`, maxWaitTimeInMs: 200 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [...TOPICS], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          eachMessage: ({ topic, partition, message }) => {
            const { offset, timestamp, key, value, headers } = message;
            const id = String(headers?.['ce_id']);
            const where = `${topic}/${String(partition)}`;
            const end = ends.get(where) ?? 0;
            if (Number(offset) < end) {
              records.push({
                topic,
                partition,
                offset: Number(offset),
                at: Number(timestamp),
                id,
                key: String(key),
                value: digest(value ?? ''),
                headers: digest(...headerBytes(headers)),
              });
            }
            if (Number(offset) >= end - 1 && unread.delete(where) && unread.size === 0) {
              resolve();
            }
            return Promise.resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return records;
}

/** Of each partition that holds something, the offset after its last record. */
export function endsOfPartitions(stage: Stage): Promise<Map<string, number>> {
  return stage.admin(async (admin) => {
    const ends = new Map<string, number>();
    for (const topic of TOPICS) {
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
        if (Number(high) > 0) {
          ends.set(`${topic}/${String(partition)}`, Number(high));
        }
      }
    }
    return ends;
  });
}

function headerBytes(headers: IHeaders | undefined): (string | Buffer)[] {
  return Object.entries(headers ?? {}).flatMap(([name, value]) => [
    name,
    ...(Array.isArray(value) ? value : [value ?? '']),
  ]);
}
