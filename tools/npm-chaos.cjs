// @ts-check
'use strict';
/** `npm run chaos`: from a fresh clone to proven. What comes after building is test/chaos/main.ts. */
const { prepareAndRun } = require('./prepare/prepare.cjs');

prepareAndRun('dist/chaos/test/chaos/main.js');
