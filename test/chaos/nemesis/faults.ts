import { partFaults } from './part-faults';
import { processFaults } from './process-faults';
import { networkFaults } from './network-faults';
import type { Fault } from './fault';

/** Every kind. Each is dealt once before one comes again. */
export const faults: readonly Fault[] = [...processFaults, ...partFaults, ...networkFaults];
