import { inspect } from 'node:util';
import type { Logger } from '@nestjs/common';
import type { TransactionHook } from './transaction-frame';

/** Calls what was to follow the end of a transaction. That stands whatever a hook does, so a hook that fails is logged. */
export function callHooks(hooks: Iterable<TransactionHook>, logger: Pick<Logger, 'error'>): void {
  for (const hook of hooks) {
    void callHook(hook, logger);
  }
}

async function callHook(hook: TransactionHook, logger: Pick<Logger, 'error'>): Promise<void> {
  try {
    await hook();
  } catch (error) {
    logger.error(
      `A hook that runs after the end of a transaction has failed: ${error instanceof Error ? String(error) : inspect(error)}`,
    );
  }
}
