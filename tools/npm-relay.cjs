// @ts-check
'use strict';
/** `npm run relay`: the relay of the sample in a process of its own. What comes after installing and building is tools/start/relay.ts. */
const { exitWith, prepare } = require('./prepare/prepare.cjs');

const USAGE = `Usage: npm run relay            deliver the events that a shop with SHOP_RELAY=false writes

PostgreSQL and Kafka are started, unless these name them:
  DATABASE_URL    URL of the shop's PostgreSQL database
  KAFKA_BROKERS   host:port of the brokers, separated by commas`;

exitWith(async () => {
  const [word] = process.argv.slice(2);
  if (word === '--help' || word === '-h') {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  if (word !== undefined) {
    process.stderr.write(`${JSON.stringify(word)} is not known.\n\n${USAGE}\n`);
    return 1;
  }
  await prepare();
  // @ts-ignore -- made by the build
  const { relayMain } = require('../dist/tools/start/main.js');
  return relayMain();
});
