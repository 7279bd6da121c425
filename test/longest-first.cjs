// @ts-check
'use strict';
const { default: Sequencer } = require('@jest/test-sequencer');

/** Those that start brokers and processes of their own take a minute each; begun last, one would run on when all others have ended. */
const LONG = [
  '/integration/publish/',
  '/integration/sample/',
  '/integration/relay/outage',
  '/integration/relay/lost-connections',
  '/integration/relay/processes/',
  '/integration/relay/',
  '/integration/',
];

/** @param {string} path */
const rank = (path) => {
  const place = LONG.findIndex((part) => path.includes(part));
  return place === -1 ? LONG.length : place;
};

/** Jest knows what takes long from earlier runs, and a fresh clone has had none. */
module.exports = class LongestFirst extends Sequencer {
  /** @param {Parameters<Sequencer['sort']>[0]} tests */
  async sort(tests) {
    return [...(await super.sort(tests))].sort((a, b) => rank(a.path) - rank(b.path));
  }
};
