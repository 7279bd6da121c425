import type { DataSource } from 'typeorm';
import { eventually } from './eventually';

/** Waits until all connections of the pool have come back to it. The wake-up of other relays borrows one for a moment after a commit. */
export async function allConnectionsAreBack(dataSource: DataSource): Promise<void> {
  const { master } = dataSource.driver as unknown as { master: { totalCount: number; idleCount: number } };
  await eventually('all connections to be back in the pool', () => master.idleCount === master.totalCount);
}
