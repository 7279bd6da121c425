import { Inject } from '@nestjs/common';
import { DEFAULT_DATA_SOURCE } from '../config/tokens';
import { Inbox } from './inbox';

/**
 * Injection token of the {@link Inbox} of a data source, for `overrideProvider` and `moduleRef.get`.
 *
 * @param dataSource name of the data source; default: `default`, whose token is the class itself
 */
export function getInboxToken(dataSource: string = DEFAULT_DATA_SOURCE): typeof Inbox | string {
  return dataSource === DEFAULT_DATA_SOURCE ? Inbox : `nestjs-outboxed:inbox:${dataSource}`;
}

/**
 * Injects the {@link Inbox} of a data source.
 *
 * @param dataSource name of the data source; default: `default`
 */
export function InjectInbox(dataSource: string = DEFAULT_DATA_SOURCE): PropertyDecorator & ParameterDecorator {
  return Inject(getInboxToken(dataSource));
}
