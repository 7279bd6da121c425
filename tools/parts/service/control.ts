/**
 * The signals tests send: SIGKILL is a crash, SIGSTOP and SIGCONT a process that hangs and goes on. A broker ends in
 * order with SIGTERM, PostgreSQL with SIGINT (with SIGTERM it waits for its clients first), and at once with SIGQUIT.
 */
export type FaultSignal = 'SIGKILL' | 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGSTOP' | 'SIGCONT';

/** The power over one running part, whatever runs it. */
export interface Control {
  /** The process id while it runs here as a process. */
  readonly pid: number | undefined;
  /** Sends the signal; after one that ends the process, resolves when it has ended. Data and ports stay. */
  kill(signal: FaultSignal): Promise<void>;
  /** Starts it again on the same ports and data, and resolves when it serves. */
  start(): Promise<void>;
  /** Ends it for good and removes its data. */
  stop(): Promise<void>;
}

export function endsProcess(signal: FaultSignal): boolean {
  return signal !== 'SIGSTOP' && signal !== 'SIGCONT';
}
