// @ts-check
'use strict';
/** A relay in a process of its own, so that a test can kill it: `node relay-process.cjs <database url> <poll interval> <lease>`, both in
 * seconds. */
require('reflect-metadata');
const { Module } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { TypeOrmModule } = require('@nestjs/typeorm');
// @ts-ignore -- made by the build
const { InProcessPublisher, OutboxModule } = require('../../../dist/lib');

const [url, pollIntervalSeconds, leaseSeconds] = process.argv.slice(2);
const publisher = new InProcessPublisher();
publisher.subscribe('items', ({ id }) => void process.stdout.write(`${id}\n`));

class AppModule {}
Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', url, autoLoadEntities: true }),
    OutboxModule.forRoot({
      publisher,
      pollIntervalSeconds: Number(pollIntervalSeconds),
      leaseSeconds: Number(leaseSeconds),
    }),
  ],
})(AppModule);

void NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] }).then((app) =>
  app.enableShutdownHooks(),
);
