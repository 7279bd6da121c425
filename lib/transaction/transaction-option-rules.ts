import { OutboxOptionsInvalidError } from '../errors/start-up.errors';
import { isolationLevels, propagations, type OutboxTransactionOptions } from './propagation';

/** @throws OutboxOptionsInvalidError */
export function assertTransactionOptions({ propagation, isolationLevel }: OutboxTransactionOptions): void {
  const faults: string[] = [];
  if (propagation !== undefined && !propagations.includes(propagation)) {
    faults.push(`propagation is ${JSON.stringify(propagation)}, and must be one of ${propagations.join(', ')}`);
  }
  if (isolationLevel !== undefined && !isolationLevels.includes(isolationLevel)) {
    faults.push(
      `isolationLevel is ${JSON.stringify(isolationLevel)}, and must be one of ${isolationLevels.join(', ')}`,
    );
  }
  if (faults.length > 0) {
    throw new OutboxOptionsInvalidError(faults);
  }
}
