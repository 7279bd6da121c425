import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * What happens to the bytes. `answers lost`: requests still arrive, and what comes back is thrown away; such a connection must be cut before the bytes
 * may flow again. `silent`: nothing moves in either direction, and nobody is told.
 */
export type Weather = 'fine' | 'slow' | 'silent' | 'answers lost' | 'refusing';

const SLOW_MS = 150;

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** Stands between the processes and one part, and passes bytes on as the weather allows. */
export class FlakyProxy {
  private readonly pairs = new Set<Pair>();
  private weather: Weather = 'fine';

  private constructor(
    private readonly server: Server,
    readonly port: number,
    private readonly target: { readonly host: string; readonly port: number },
  ) {
    server.on('connection', (client) => this.accept(client));
  }

  static async start(host: string, port: number): Promise<FlakyProxy> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FlakyProxy(server, (server.address() as AddressInfo).port, { host, port });
  }

  become(weather: Weather): void {
    this.weather = weather;
    for (const { client, server } of this.pairs) {
      for (const socket of [client, server]) {
        if (weather === 'silent') {
          socket.pause();
        } else {
          socket.resume();
        }
      }
    }
  }

  /** Resets connections that are open, all or some. */
  reset(which: () => boolean = () => true): number {
    const chosen = [...this.pairs].filter(which);
    chosen.forEach(({ client, server }) => {
      client.resetAndDestroy();
      server.destroy();
    });
    return chosen.length;
  }

  async close(): Promise<void> {
    this.server.close();
    this.reset();
    await once(this.server, 'close');
  }

  private accept(client: Socket): void {
    client.on('error', () => client.destroy());
    if (this.weather === 'refusing') {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ ...this.target, noDelay: true });
    const pair = { client, server };
    this.pairs.add(pair);
    const end = (): void => {
      this.pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    server.on('error', end);
    server.on('close', end);
    client.on('close', end);
    const toServer = new Line(server);
    const toClient = new Line(client);
    client.on('data', (bytes) => toServer.pass(bytes, this.delay));
    server.on('data', (bytes) => {
      if (this.weather !== 'answers lost') {
        toClient.pass(bytes, this.delay);
      }
    });
    if (this.weather === 'silent') {
      client.pause();
      server.pause();
    }
  }

  private get delay(): number {
    return this.weather === 'slow' ? SLOW_MS : 0;
  }
}

/** One direction of a connection: what is delayed is not overtaken. */
class Line {
  private readonly waiting: { readonly bytes: Buffer; readonly at: number }[] = [];

  constructor(private readonly to: Socket) {}

  pass(bytes: Buffer, delayMs: number): void {
    if (delayMs === 0 && this.waiting.length === 0) {
      this.to.write(bytes);
      return;
    }
    this.waiting.push({ bytes, at: performance.now() + delayMs });
    if (this.waiting.length === 1) {
      this.wait();
    }
  }

  private wait(): void {
    const [next] = this.waiting;
    if (next !== undefined) {
      setTimeout(
        () => {
          this.waiting.shift();
          this.to.write(next.bytes);
          this.wait();
        },
        Math.max(0, next.at - performance.now()),
      );
    }
  }
}
