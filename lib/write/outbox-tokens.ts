import { Inject, type InjectionToken } from '@nestjs/common';
import { DEFAULT_DATA_SOURCE } from '../config/tokens';
import { OutboxTransactions } from '../transaction/outbox-transactions';
import { OutboxRepository } from './outbox.repository';

/**
 * Injection token of the {@link OutboxRepository} of a data source, for `overrideProvider` and `moduleRef.get`.
 *
 * @param dataSource name of the data source; default: `default`, whose token is the class itself
 */
export function getOutboxToken(dataSource: string = DEFAULT_DATA_SOURCE): InjectionToken<OutboxRepository> {
  return dataSource === DEFAULT_DATA_SOURCE ? OutboxRepository : `nestjs-outboxed:repository:${dataSource}`;
}

/**
 * Injects the {@link OutboxRepository} of a data source.
 *
 * @param dataSource name of the data source; default: `default`
 */
export function InjectOutbox(dataSource: string = DEFAULT_DATA_SOURCE): PropertyDecorator & ParameterDecorator {
  return Inject(getOutboxToken(dataSource));
}

/**
 * Injection token of the {@link OutboxTransactions} of a data source.
 *
 * @param dataSource name of the data source; default: `default`, whose token is the class itself
 */
export function getTransactionsToken(dataSource: string = DEFAULT_DATA_SOURCE): InjectionToken<OutboxTransactions> {
  return dataSource === DEFAULT_DATA_SOURCE ? OutboxTransactions : `nestjs-outboxed:transactions:${dataSource}`;
}

/**
 * Injects the {@link OutboxTransactions} of a data source.
 *
 * @param dataSource name of the data source; default: `default`
 */
export function InjectTransactions(dataSource: string = DEFAULT_DATA_SOURCE): PropertyDecorator & ParameterDecorator {
  return Inject(getTransactionsToken(dataSource));
}
