import type { Control, FaultSignal } from './control';

export type Source = 'external' | 'docker' | 'local';

/** One part that serves: where it came from, and the means to break it and to end it. */
class Part implements Control {
  constructor(
    readonly source: Source,
    private readonly control: Control,
  ) {}

  /** False for a part that was found running (DATABASE_URL, KAFKA_BROKERS): kill and start reject then. */
  get controllable(): boolean {
    return this.source !== 'external';
  }

  /** Undefined while it does not run, and for a part in a container or elsewhere. */
  get pid(): number | undefined {
    return this.control.pid;
  }

  kill(signal: FaultSignal): Promise<void> {
    return this.control.kill(signal);
  }

  start(): Promise<void> {
    return this.control.start();
  }

  stop(): Promise<void> {
    return this.control.stop();
  }
}

export class DatabasePart extends Part {
  readonly name = 'postgres';

  constructor(
    source: Source,
    control: Control,
    readonly url: string,
  ) {
    super(source, control);
  }
}

export class KafkaPart extends Part {
  readonly name = 'kafka';

  constructor(
    source: Source,
    control: Control,
    readonly brokers: readonly string[],
    /** For a shell: starts the same broker again, on the same ports and data, after a kill -9. */
    readonly restartCommand?: string,
  ) {
    super(source, control);
  }
}
