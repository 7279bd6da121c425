import { Inject, type InjectionToken } from '@nestjs/common';
import { DEFAULT_DATA_SOURCE } from '../../config/tokens';

/**
 * Injection token of the `OutboxMetrics` of a data source; what is injected is null unless `enableMetrics` is true.
 *
 * @param dataSource name of the data source; default: `default`
 */
export function getMetricsToken(dataSource: string = DEFAULT_DATA_SOURCE): InjectionToken {
  return `nestjs-outboxed:metrics:${dataSource}`;
}

/**
 * Injects the `OutboxMetrics` of a data source, or null unless `enableMetrics` is true.
 *
 * @param dataSource name of the data source; default: `default`
 */
export function InjectOutboxMetrics(dataSource: string = DEFAULT_DATA_SOURCE): PropertyDecorator & ParameterDecorator {
  return Inject(getMetricsToken(dataSource));
}
