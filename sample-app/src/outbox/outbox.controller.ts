import { Controller, Get } from '@nestjs/common';
import { OutboxRepository, type OutboxStats } from 'nestjs-outboxed';

@Controller('outbox')
export class OutboxController {
  constructor(private readonly outbox: OutboxRepository) {}

  @Get('stats')
  stats(): Promise<OutboxStats> {
    return this.outbox.stats();
  }
}
