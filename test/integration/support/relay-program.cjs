// @ts-check
'use strict';
/**
 * A relay in a process of its own, to be killed and frozen: an application context with the built package, as a user would write it. DATABASE_URL names
 * the database; the argument is JSON, `{ outbox, freezeBeforeSend }`.
 *
 * Says `ready <owner>` when it owns lanes. Where `outbox` does not say where to deliver to, it takes the events of the topic "items" itself, and says
 * `took <id>`. With `freezeBeforeSend: n` it says `frozen` and stops itself (SIGSTOP) when it owns all lanes and has made up its
 * mind to send for the n-th time; when it goes on it sends, settles, and says `settled`.
 */
require('reflect-metadata');
const { writeSync } = require('node:fs');
const { NestFactory } = require('@nestjs/core');
const { TypeOrmModule } = require('@nestjs/typeorm');
const { EventRelayWorker, InProcessPublisher, OutboxModule } = require('nestjs-outboxed');

const STDOUT = 1;
const LANES = 64;

class RelayProcess {}

/**
 * @typedef {{ publish: (batch: unknown, context: { mayContinue: () => boolean }) => Promise<unknown> }} Publisher
 * @typedef {{ lanes: readonly number[], keep: (renew?: boolean) => Promise<void> }} Leases
 * @param {{ publisher: Publisher, leases: Leases }} parts
 * @param {number} number
 */
function freezeBeforeSend({ publisher, leases }, number) {
  const publish = publisher.publish.bind(publisher);
  let sends = 0;
  let frozen = false;
  publisher.publish = (batch, context) => {
    // While it shares the lanes, what it is about to send may be of those that matter or not.
    if (leases.lanes.length === LANES) sends++;
    if (frozen || sends !== number) return publish(batch, context);
    frozen = true;
    writeSync(STDOUT, 'frozen\n');
    process.kill(process.pid, 'SIGSTOP');
    saySettled(leases);
    // The last look at the leases was before: nothing can be done between a look and what follows from it.
    return publish(batch, { mayContinue: () => true });
  };
}

/**
 * A relay whose settling has changed less than it should looks for its lanes next.
 *
 * @param {Leases} leases
 */
function saySettled(leases) {
  const keep = leases.keep.bind(leases);
  let said = false;
  leases.keep = (renew) => {
    if (renew !== true && !said) {
      said = true;
      writeSync(STDOUT, 'settled\n');
    }
    return keep(renew);
  };
}

/** A broker in this very process. */
function ownPublisher() {
  const publisher = new InProcessPublisher();
  publisher.subscribe('items', ({ id }) => writeSync(STDOUT, `took ${id}\n`));
  return publisher;
}

async function main() {
  const { outbox, freezeBeforeSend: number } = JSON.parse(process.argv[2] ?? '{}');
  const app = await NestFactory.createApplicationContext(
    {
      module: RelayProcess,
      imports: [
        TypeOrmModule.forRoot({
          type: 'postgres',
          url: process.env['DATABASE_URL'],
          autoLoadEntities: true,
          retryAttempts: 0,
        }),
        OutboxModule.forRoot(outbox.kafka === undefined ? { ...outbox, publisher: ownPublisher() } : outbox),
      ],
    },
    { abortOnError: false },
  );
  app.enableShutdownHooks(undefined, { useProcessExit: true });
  // What the tests need to know of its inside: who it is, and when it sends.
  const { parts } = app.get(EventRelayWorker);
  if (number !== undefined) freezeBeforeSend(parts, number);
  const { leases } = parts;
  const looking = setInterval(() => {
    if (leases.lanes.length === 0) return;
    clearInterval(looking);
    writeSync(STDOUT, `ready ${leases.claim([]).owner}\n`);
  }, 10);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
