// @ts-check
'use strict';
/** `npm run mutations`: shows that each safeguard is tested. What comes after building is tools/mutations/main.ts. */
const { prepareAndRun } = require('./prepare/prepare.cjs');

prepareAndRun('dist/tools/mutations/main.js');
