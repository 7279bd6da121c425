import { Child } from '../support/child';
import type { Database } from '../support/database';
import type { Bench } from '../support/measure';
import type { CronProgram } from './cron-process';

/** As the relay writes them: kafkajs takes the longer the more headers a record has. */
const HEADERS = `json_build_object(
  'ce_specversion', '1.0', 'ce_id', id, 'ce_type', event_type, 'ce_source', 'bench-relay', 'ce_subject', aggregate_id,
  'ce_time', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
  'content-type', 'application/json', 'traceparent', traceparent)`;

/** The table and the job of an outbox that was written by hand, in a database of the product's, to take its events. */
export class HandWrittenOutbox {
  private constructor(
    private readonly database: Database,
    private readonly job: Child<CronProgram>,
    private readonly topic: string,
  ) {}

  static async create(bench: Bench, database: Database): Promise<HandWrittenOutbox> {
    await database.query(
      `create table outbox (id bigserial primary key, topic text not null, key text not null, payload text not null,
         headers jsonb not null, sent boolean not null default false)`,
    );
    await database.query('create index on outbox (id) where not sent');
    const topic = await bench.topics.create(bench.scope);
    const job = new Child<CronProgram>(bench.scope, 'drain/cron-process');
    await job.ask('start', { url: database.url, brokers: bench.brokers });
    return new HandWrittenOutbox(database, job, topic);
  }

  /** Events a second. */
  async drainRate(rows: number): Promise<number> {
    const prepared = await this.database.prepare({ topic: this.topic, rows });
    await this.database.query(
      `insert into outbox (topic, key, payload, headers)
       select topic, event_key, event_data::text, ${HEADERS} from event_outbox order by seq`,
    );
    await this.database.query('delete from event_outbox');
    await prepared.commit();
    await this.database.query('vacuum analyze outbox');
    return rows / (await this.job.ask('run', undefined));
  }
}
