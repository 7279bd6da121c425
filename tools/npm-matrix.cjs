// @ts-check
'use strict';
/** `npm run matrix`: tests under other versions of Nest and TypeORM. What comes after building is tools/matrix/main.ts. */
const { prepareAndRun } = require('./prepare/prepare.cjs');

prepareAndRun('dist/tools/matrix/main.js');
