import { isBefore, type CommittedEvent } from './committed-events';
import { isExplained } from './explained';
import type { FaultSpan, TopicRecord } from './history';
import type { Findings } from './verdict';

interface Delivered {
  readonly first: TopicRecord;
  last: TopicRecord;
}

/** Looks at the records in the order in which they stand in the topics. */
export class Deliveries {
  duplicates = 0;
  private readonly delivered = new Map<string, Delivered>();
  /** Of each key and topic, the event so far that committed last. */
  private readonly latest = new Map<string, CommittedEvent>();

  constructor(
    private readonly committed: ReadonlyMap<string, CommittedEvent>,
    private readonly faults: readonly FaultSpan[],
    private readonly takeoverMs: number,
    private readonly findings: Findings,
  ) {}

  has(id: string): boolean {
    return this.delivered.has(id);
  }

  add(record: TopicRecord): void {
    const event = this.committed.get(record.id);
    if (event === undefined) {
      this.findings.add('phantom', `${place(record)} holds ${record.id}, which never committed`);
      return;
    }
    const delivered = this.delivered.get(record.id);
    if (delivered === undefined) {
      this.delivered.set(record.id, { first: record, last: record });
      this.first(record, event);
    } else {
      this.again(record, delivered);
    }
  }

  private first(record: TopicRecord, event: CommittedEvent): void {
    if (record.value !== event.value || record.key !== event.key || record.topic !== event.topic) {
      this.findings.add('differing', `${place(record)} is not what was written as ${event.id}`);
    }
    if (event.delayed) {
      return;
    }
    const lane = `${event.topic} ${event.key}`;
    const latest = this.latest.get(lane);
    if (latest !== undefined && isBefore(event, latest)) {
      this.findings.add(
        'inversion',
        `${place(record)}: ${described(event)} came after ${described(latest)}, both of key ${event.key}`,
      );
    } else {
      this.latest.set(lane, event);
    }
  }

  private again(record: TopicRecord, delivered: Delivered): void {
    const { first, last } = delivered;
    this.duplicates++;
    const differs = (['topic', 'partition', 'key', 'value', 'headers'] as const).filter(
      (field) => record[field] !== first[field],
    );
    if (differs.length > 0) {
      this.findings.add('differing', `${place(record)} repeats ${place(first)} with another ${differs.join(', ')}`);
    }
    if (!isExplained({ before: last.at, again: record.at }, this.faults, this.takeoverMs)) {
      this.findings.add(
        'unexplained duplicate',
        `${place(record)} at ${time(record.at)} repeats ${place(last)} of ${time(last.at)}: ${record.id}`,
      );
    }
    delivered.last = record;
  }
}

export function place({ topic, partition, offset }: Pick<TopicRecord, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}/${String(partition)}/${String(offset)}`;
}

function described({ id, transaction, committedAt, index }: CommittedEvent): string {
  return `${id} (event ${String(index)} of ${transaction.name}, committed at ${String(committedAt)})`;
}

function time(ms: number): string {
  return new Date(ms).toISOString().slice(11, 23);
}
