import { eventually } from './eventually';
import { proxyServer } from './proxy-server';

export interface SilentProxy {
  readonly url: string;
  /** Present connections stay open, but nothing comes through any more. New ones work. */
  silence(): void;
  /** Ends the present connections, and takes new ones without passing anything on, until {@link SilentProxy.heal}. */
  takeCallsOnly(): void;
  /** New connections work again; those that were taken meanwhile stay silent. */
  heal(): void;
  /** Waits until so many connections were taken since {@link SilentProxy.takeCallsOnly}. */
  called(times: number): Promise<unknown>;
}

/** Passes bytes on to a server until told not to. */
export async function proxyTo(target: string): Promise<SilentProxy> {
  let takesCallsOnly = false;
  let calls = 0;
  const { url, sockets } = await proxyServer(target, (client, dial) => {
    if (takesCallsOnly) {
      calls++;
      client.resume();
    } else {
      client.pipe(dial()).pipe(client);
    }
  });
  return {
    url,
    silence: () => sockets.forEach((socket) => socket.unpipe().resume()),
    takeCallsOnly: () => {
      takesCallsOnly = true;
      calls = 0;
      sockets.forEach((socket) => socket.destroy());
    },
    heal: () => {
      takesCallsOnly = false;
    },
    called: (times) => eventually(`${times} calls`, () => calls >= times),
  };
}
