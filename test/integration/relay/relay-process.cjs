// @ts-check
'use strict';
/** A relay in a process of its own, so that a test can kill it: `node relay-process.cjs <database url> <poll interval in seconds>`. */
require('reflect-metadata');
const { Module } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { TypeOrmModule } = require('@nestjs/typeorm');
// @ts-ignore -- made by the build
const { InProcessPublisher, OutboxModule } = require('../../../dist/lib');

const [url, pollIntervalSeconds] = process.argv.slice(2);
const publisher = new InProcessPublisher();
publisher.subscribe('items', ({ id }) => void process.stdout.write(`${id}\n`));

class AppModule {}
Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', url, autoLoadEntities: true }),
    OutboxModule.forRoot({ publisher, pollIntervalSeconds: Number(pollIntervalSeconds) }),
  ],
})(AppModule);

void NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] }).then((app) =>
  app.enableShutdownHooks(),
);
