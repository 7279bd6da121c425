// @ts-check
'use strict';
/** `npm run bench`: from a fresh clone to measured. What comes after building is bench/main.ts. */
const { prepareAndRun } = require('./prepare/prepare.cjs');

prepareAndRun('dist/bench/bench/main.js');
