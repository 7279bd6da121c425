import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { getHealthToken } from '../observe/health-token';
import type { OutboxHealth, OutboxHealthLimits } from '../observe/outbox-health';

/** What to look at, and when it is down. */
export interface OutboxHealthOptions extends OutboxHealthLimits {
  /** Name of the data source. Default: `default`. */
  readonly dataSource?: string | undefined;
}

/**
 * Health of the outbox for `@nestjs/terminus`: down when database or broker cannot be reached for longer than a limit, when the oldest event has been
 * due for longer than a limit, or when events are due and nothing is delivered.
 *
 * For readiness and alarms, not for liveness: no restart makes a broker come back.
 *
 * ```ts
 * @Module({ imports: [TerminusModule], controllers: [HealthController], providers: [OutboxHealthIndicator] })
 *
 * this.health.check([() => this.outbox.isHealthy('outbox', { maxOldestPendingSeconds: 60 })]);
 * ```
 */
@Injectable()
export class OutboxHealthIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly modules: ModuleRef,
  ) {}

  async isHealthy<const Key extends string>(
    key: Key,
    options: OutboxHealthOptions = {},
  ): Promise<HealthIndicatorResult<Key>> {
    const { dataSource, ...limits } = options;
    const health = this.modules.get<OutboxHealth>(getHealthToken(dataSource), { strict: false });
    const { healthy, details } = await health.check(limits);
    const indicator = this.indicators.check(key);
    return healthy ? indicator.up({ ...details }) : indicator.down({ ...details });
  }
}
