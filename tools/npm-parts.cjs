// @ts-check
'use strict';
/** `npm run parts`: PostgreSQL and Kafka alone, until Ctrl-C. What comes after building is tools/parts/main.ts. */
const { prepare } = require('./prepare/prepare.cjs');

prepare().then(
  // @ts-ignore -- made by the build
  () => require('../dist/tools/parts/main.js'),
  (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  },
);
