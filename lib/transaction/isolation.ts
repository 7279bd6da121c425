import { OutboxIsolationMismatchError } from '../errors/transaction.errors';
import type { TransactionFrame } from './transaction-frame';

/** @throws OutboxIsolationMismatchError unless the transaction of the frame runs at the wanted level, also where that is the default */
export async function assertIsolation(dataSourceName: string, frame: TransactionFrame, wanted: string): Promise<void> {
  const actual = frame.isolation ?? (await askedLevel(frame));
  if (actual !== wanted) {
    throw new OutboxIsolationMismatchError(dataSourceName, actual, wanted);
  }
}

async function askedLevel({ queryRunner }: TransactionFrame): Promise<string> {
  const [row] = (await queryRunner.query('show transaction_isolation')) as { transaction_isolation: string }[];
  return row?.transaction_isolation.toUpperCase() ?? '';
}
