import { ConsoleLogger, type LogLevel } from '@nestjs/common';

/** Nest's logger, but warnings go to standard error, where they are looked for. */
export class ShopLogger extends ConsoleLogger {
  constructor() {
    super({ logLevels: ['log', 'warn', 'error', 'fatal'] });
  }

  protected override printMessages(
    messages: unknown[],
    context?: string,
    level?: LogLevel,
    stream?: 'stdout' | 'stderr',
    errorStack?: unknown,
    params?: Record<string, unknown>,
  ): void {
    super.printMessages(messages, context, level, level === 'warn' ? 'stderr' : stream, errorStack, params);
  }
}
