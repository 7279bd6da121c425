import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerRuntimeClient, StartedTestContainer } from 'testcontainers';
import { PartsError, reasonOf } from '../errors';
import type { Control, FaultSignal } from '../service/control';

type Container = ReturnType<ContainerRuntimeClient['container']['getById']>;

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_S = 10;

/** Faults for a part in a container. Its host port must be a fixed one, or it would change with the next start. */
export class ContainerControl implements Control {
  readonly pid = undefined;

  constructor(
    private readonly started: StartedTestContainer,
    private readonly probe: () => Promise<void>,
  ) {}

  async kill(signal: FaultSignal): Promise<void> {
    const container = await this.container();
    // The container's first process may be a shell, which passes no signals on: hence not `kill` for all of them.
    if (signal === 'SIGSTOP') await container.pause();
    else if (signal === 'SIGCONT') await container.unpause();
    else if (signal === 'SIGTERM' || signal === 'SIGINT') await container.stop({ t: STOP_WITHIN_S });
    else {
      await container.kill({ signal });
      await container.wait();
    }
  }

  async start(): Promise<void> {
    await (await this.container()).start();
    await this.untilReady();
  }

  async untilReady(): Promise<void> {
    const giveUpAt = Date.now() + READY_WITHIN_MS;
    for (;;) {
      const reason = await this.probe().then(() => undefined, reasonOf);
      if (reason === undefined) return;
      if (Date.now() > giveUpAt) throw new PartsError(`the container did not serve: ${reason}`);
      await sleep(200);
    }
  }

  async stop(): Promise<void> {
    await this.started.stop();
  }

  private async container(): Promise<Container> {
    const { getContainerRuntimeClient } = await import('testcontainers');
    return (await getContainerRuntimeClient()).container.getById(this.started.getId());
  }
}
