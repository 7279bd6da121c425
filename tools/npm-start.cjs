// @ts-check
'use strict';
/** `npm start`: from a fresh clone to a running shop. What comes after installing and building is tools/start/main.ts. */
const { exitWith, prepare } = require('./prepare/prepare.cjs');
const { parseArguments, USAGE } = require('./start/arguments.cjs');

exitWith(async () => {
  const { options, fault } = parseArguments(process.argv.slice(2));
  if (fault !== undefined) {
    process.stderr.write(`${fault}\n\n${USAGE}\n`);
    return 1;
  }
  if (options.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  await prepare();
  // @ts-ignore -- made by the build
  const { main } = require('../dist/tools/start/main.js');
  return main(options);
});
