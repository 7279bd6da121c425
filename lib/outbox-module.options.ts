import type { FactoryProvider, ModuleMetadata, Type } from '@nestjs/common';
import type { OutboxOptions } from './config/outbox-options';

/** What must be known before the application starts, because injection tokens and entities are static. */
export interface OutboxModuleExtras {
  /** Name of the TypeORM data source that holds the outbox. Default: `default`. */
  dataSource?: string | undefined;
  /** Whether the outbox can be injected everywhere; if `false`, only into modules that import it. Default: `true`. */
  isGlobal?: boolean | undefined;
}

/** Options of {@link OutboxModule.forRoot}. */
export type OutboxModuleOptions = OutboxOptions & OutboxModuleExtras;

/** A provider that makes the options, for `useClass` and `useExisting`. */
export interface OutboxOptionsFactory {
  createOutboxOptions(): OutboxOptions | Promise<OutboxOptions>;
}

/** Options of {@link OutboxModule.forRootAsync}: exactly one of `useFactory`, `useClass` and `useExisting`. */
export interface OutboxModuleAsyncOptions extends OutboxModuleExtras, Pick<ModuleMetadata, 'imports'> {
  /** What `useFactory` is called with. */
  inject?: FactoryProvider['inject'];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the arguments are what `inject` names, which types cannot follow
  useFactory?: (...injected: any[]) => OutboxOptions | Promise<OutboxOptions>;
  /** Made by this module. */
  useClass?: Type<OutboxOptionsFactory>;
  /** Taken from `imports` or a global module. */
  useExisting?: Type<OutboxOptionsFactory> | string | symbol;
}
