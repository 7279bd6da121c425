import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Scope } from '../support/scope';
import { FrontendMessages } from './frontend-messages';

/** Stands between a process and PostgreSQL, passes everything on, and counts the statements: all of them, whatever sends them. */
export class StatementCounter {
  #count = 0;
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {}

  static async open(url: string, scope: Scope): Promise<StatementCounter> {
    const target = new URL(url);
    const server = createServer();
    const counter = new StatementCounter(server, target);
    server.on('connection', (client) => counter.#serve(client));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    scope.onEnd(() => counter.close());
    return counter;
  }

  /** The address to use in place of the database's. */
  get url(): string {
    const url = new URL(this.target);
    url.hostname = '127.0.0.1';
    url.port = String((this.server.address() as AddressInfo).port);
    return url.href;
  }

  get count(): number {
    return this.#count;
  }

  async close(): Promise<void> {
    this.#sockets.forEach((socket) => socket.destroy());
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  #serve(client: Socket): void {
    const database = connect({ host: this.target.hostname, port: Number(this.target.port || 5432) });
    const messages = new FrontendMessages((type) => {
      // Query of the simple protocol, Execute of the extended one.
      if (type === 'Q' || type === 'E') {
        this.#count++;
      }
    });
    for (const [from, to] of [
      [client, database],
      [database, client],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
    client.on('data', (chunk) => messages.read(chunk));
  }
}
