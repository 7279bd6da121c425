import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { OutboxHealthIndicator } from 'nestjs-outboxed/health';

/** For readiness and alarms: no restart makes a broker come back. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly outbox: OutboxHealthIndicator,
  ) {}

  @Get()
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.outbox.isHealthy('outbox', { maxOldestPendingSeconds: 60 })]);
  }
}
