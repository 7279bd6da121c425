import { partFaults } from './part-faults';
import { processFaults } from './process-faults';
import { networkFaults } from './network-faults';
import type { Fault } from './fault';

/** Every kind; some count double. */
export const faults: readonly Fault[] = [...processFaults, ...partFaults, ...networkFaults];
