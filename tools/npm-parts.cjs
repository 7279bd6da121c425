// @ts-check
'use strict';
/** `npm run parts`: PostgreSQL and Kafka alone, until Ctrl-C. What comes after building is tools/parts/main.ts. */
const { prepareAndRun } = require('./prepare/prepare.cjs');

prepareAndRun('dist/tools/parts/main.js');
