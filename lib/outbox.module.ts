import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { getDeadLettersToken, getInboxDeadLettersToken } from './admin/dead-letters-tokens';
import { DEFAULT_DATA_SOURCE, outboxedToken } from './config/tokens';
import { OutboxOptionsInvalidError } from './errors/start-up.errors';
import { getInboxToken } from './inbox/inbox-tokens';
import type {
  OutboxModuleAsyncOptions,
  OutboxModuleExtras,
  OutboxModuleOptions,
  OutboxOptionsFactory,
} from './outbox-module.options';
import { outboxProviders } from './outbox.providers';
import { getHealthToken } from './observe/health-token';
import { getMetricsToken } from './observe/metrics/metrics-tokens';
import { getEventsToken, getTracingToken } from './observe/observe-tokens';
import { getRelayToken } from './relay/relay-tokens';
import { outboxEntities } from './store/outbox-entities';
import { getUpkeepToken } from './upkeep/upkeep-tokens';
import { getOutboxToken, getTransactionsToken } from './write/outbox-tokens';

/**
 * The outbox of a TypeORM data source: its entities, the injectable {@link OutboxRepository}, {@link OutboxDeadLetters} and {@link Inbox}, and the
 * {@link EventRelayWorker}.
 * Import it once for each data source that holds an outbox.
 */
@Module({})
export class OutboxModule {
  /**
   * With options that are known when the module is defined.
   *
   * The options are checked while the application starts, which then fails with `OutboxOptionsInvalidError`,
   * `OutboxDataSourceMissingError`, `OutboxDataSourceUnsupportedError`, `OutboxEntitiesMissingError` or `OutboxRegisteredTwiceError`.
   */
  static forRoot(options: OutboxModuleOptions = {}): DynamicModule {
    const { dataSource, isGlobal, ...rest } = options;
    return outboxModule({ dataSource, isGlobal }, (provide) => [{ provide, useValue: rest }]);
  }

  /**
   * With options that come from other providers, such as a configuration service. Fails like {@link OutboxModule.forRoot}.
   *
   * @throws OutboxOptionsInvalidError unless exactly one of `useFactory`, `useClass` and `useExisting` is given
   */
  static forRootAsync(options: OutboxModuleAsyncOptions): DynamicModule {
    const { dataSource, isGlobal, imports = [] } = options;
    return outboxModule({ dataSource, isGlobal }, (provide) => asyncOptions(provide, options), imports);
  }
}

function outboxModule(
  { dataSource = DEFAULT_DATA_SOURCE, isGlobal = true }: OutboxModuleExtras,
  optionsProviders: (token: string) => Provider[],
  imports: NonNullable<DynamicModule['imports']> = [],
): DynamicModule {
  // Only for its effect of telling autoLoadEntities about the entities. The module that it returns is not imported: it would fail for want of
  // a data source before this module can say what is missing.
  TypeOrmModule.forFeature([...outboxEntities], dataSource);

  const rawOptionsToken = `nestjs-outboxed:raw-options:${dataSource}`;
  return {
    module: OutboxModule,
    global: isGlobal,
    imports,
    providers: [...optionsProviders(rawOptionsToken), ...outboxProviders(dataSource, rawOptionsToken)],
    exports: [
      getOutboxToken(dataSource),
      getTransactionsToken(dataSource),
      getRelayToken(dataSource),
      getDeadLettersToken(dataSource),
      getInboxToken(dataSource),
      getInboxDeadLettersToken(dataSource),
      getUpkeepToken(dataSource),
      outboxedToken(dataSource),
      getEventsToken(dataSource),
      getTracingToken(dataSource),
      getMetricsToken(dataSource),
      getHealthToken(dataSource),
    ],
  };
}

function asyncOptions(provide: string, options: OutboxModuleAsyncOptions): Provider[] {
  const { useFactory, useClass, useExisting, inject = [] } = options;
  if ([useFactory, useClass, useExisting].filter((given) => given !== undefined).length !== 1) {
    throw new OutboxOptionsInvalidError(['forRootAsync needs exactly one of useFactory, useClass and useExisting']);
  }
  if (useFactory !== undefined) {
    return [{ provide, inject, useFactory }];
  }
  const create = (factory: OutboxOptionsFactory): ReturnType<OutboxOptionsFactory['createOutboxOptions']> =>
    factory.createOutboxOptions();
  return useClass === undefined
    ? [{ provide, inject: [useExisting as NonNullable<typeof useExisting>], useFactory: create }]
    : [useClass, { provide, inject: [useClass], useFactory: create }];
}
