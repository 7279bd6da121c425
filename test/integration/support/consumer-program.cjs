// @ts-check
'use strict';
/**
 * A consumer in a process of its own, to be killed: an application context with the built package and kafkajs, as a user would write it. It writes a row
 * of `effect` for each record, by way of the inbox. DATABASE_URL names the database; the argument is JSON,
 * `{ brokers, topic, groupId, consumer, by, hang }`.
 *
 * Says `skipped <id>` of what it has skipped. With `hang: { where: 'after commit', at: n }` it says `committed <id>` when it has handled `n` messages, and does
 * nothing more, so that their offsets are not committed; with `where: 'before commit'` it says `written <id>` when their effects
 * are written and not committed.
 */
require('reflect-metadata');
const { writeSync } = require('node:fs');
const { NestFactory } = require('@nestjs/core');
const { TypeOrmModule } = require('@nestjs/typeorm');
const { Kafka, logLevel } = require('kafkajs');
const { Inbox, OutboxModule } = require('nestjs-outboxed');
const { DataSource } = require('typeorm');

const STDOUT = 1;

class ConsumerProcess {}

/** @param {{ headers?: Record<string, unknown> }} message */
const idOf = ({ headers }) => String(headers?.['ce_id']);

/** @param {string} line */
const say = (line) => void writeSync(STDOUT, `${line}\n`);

const forEver = () => new Promise(() => undefined);

async function main() {
  const { brokers, topic, groupId, consumer, by, hang } = JSON.parse(process.argv[2] ?? '{}');
  const app = await NestFactory.createApplicationContext(
    {
      module: ConsumerProcess,
      imports: [
        TypeOrmModule.forRoot({
          type: 'postgres',
          url: process.env['DATABASE_URL'],
          autoLoadEntities: true,
          retryAttempts: 0,
        }),
        OutboxModule.forRoot({ relay: false }),
      ],
    },
    { abortOnError: false },
  );
  const inbox = app.get(Inbox);
  const dataSource = app.get(DataSource);
  let written = 0;
  let committed = 0;

  /** @param {readonly { headers?: Record<string, unknown> }[]} messages */
  const apply = async (messages) => {
    for (const message of messages) {
      await dataSource.query('insert into effect (event_id) values ($1)', [idOf(message)]);
      if (++written === hang?.at && hang.where === 'before commit') {
        say(`written ${idOf(message)}`);
        await forEver();
      }
    }
  };
  /** @param {string} id */
  const noteCommit = async (id, count = 1) => {
    committed += count;
    if (committed >= hang?.at && hang.where === 'after commit') {
      say(`committed ${id}`);
      await forEver();
    }
  };

  const kafka = new Kafka({ clientId: 'consumer-process', brokers, logLevel: logLevel.NOTHING });
  const consuming = kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 500, maxWaitTimeInMs: 100 });
  await consuming.connect();
  await consuming.subscribe({ topic, fromBeginning: true });
  if (by === 'eachMessage') {
    await consuming.run({
      eachMessage: async (payload) => {
        const { status } = await inbox.process(payload, () => apply([payload.message]), { consumer });
        if (status === 'skipped') {
          say(`skipped ${idOf(payload.message)}`);
        } else {
          await noteCommit(idOf(payload.message));
        }
      },
    });
  } else {
    await consuming.run({
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => {
        const { messages } = payload.batch;
        /** @type {Set<unknown>} */
        const known = new Set();
        const saySkipped = (before = Infinity) =>
          messages
            .filter((message) => Number(message.offset) < before && !known.has(message))
            .forEach((message) => {
              known.add(message);
              say(`skipped ${idOf(message)}`);
            });
        const handle = (/** @type {typeof messages} */ fresh) => {
          fresh.forEach((message) => known.add(message));
          saySkipped(Number(fresh[0]?.offset));
          return apply(fresh);
        };
        const ends = await inbox.processBatch(payload, handle, { consumer });
        saySkipped();
        await noteCommit(idOf(messages[messages.length - 1]), ends.processed);
      },
    });
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
