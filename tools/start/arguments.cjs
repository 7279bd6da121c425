// @ts-check
'use strict';
/** The command line of `npm start`. Plain JavaScript: it is read before anything is installed. */

/** @typedef {import('./start-arguments').StartArguments} StartArguments */

const MOST_ORDERS = 1000000;

const USAGE = `Usage: npm start                     run the shop and say what to try
       npm start -- --orders N       place N orders by itself, compare what was consumed with what was committed;
                                     the exit code is 0 only if all is well
       npm start -- --orders N --json
                                     the same; the last line of standard output is the result as JSON
       npm start -- --help

PostgreSQL and Kafka are started, unless these name them:
  DATABASE_URL    URL of a PostgreSQL database
  KAFKA_BROKERS   host:port of the brokers, separated by commas; "none" to do without Kafka
  PORT            where the shop serves (default 3000, or a free port if that is taken); not with --orders
With SHOP_RELAY=false the shop only writes its events, and npm run relay delivers them.`;

/**
 * @param {readonly string[]} args
 * @returns {{ options: StartArguments, fault?: string }}
 */
function parseArguments(args) {
  /** @type {{ -readonly [K in keyof StartArguments]: StartArguments[K] }} */
  const options = { orders: null, json: false, help: false };
  /** @param {string} fault */
  const refuse = (fault) => ({ options, fault });
  const words = args.flatMap((word) => (word.startsWith('--orders=') ? ['--orders', word.slice(9)] : [word]));
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '--help' || word === '-h') options.help = true;
    else if (word === '--json') options.json = true;
    else if (word === '--orders') {
      const value = words[++i];
      options.orders = Number(value);
      if (value === undefined || !/^\d+$/.test(value) || options.orders < 1 || options.orders > MOST_ORDERS) {
        return refuse(
          `--orders is ${JSON.stringify(value) || 'missing its number'}, and must be from 1 to ${MOST_ORDERS}.`,
        );
      }
    } else return refuse(`${JSON.stringify(word)} is not known.`);
  }
  if (options.json && options.orders === null) return refuse('--json goes with --orders N.');
  return { options };
}

module.exports = { parseArguments, USAGE };
