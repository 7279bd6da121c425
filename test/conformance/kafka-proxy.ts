import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';

/** What befalls a request to write: the connection is cut, or stays open and says nothing more. */
export type Strike =
  | 'cut before the request'
  | 'cut in the middle of the request'
  | 'cut between request and answer'
  | 'silent after the request';

const PRODUCE = 0;

/** Stands between kafkajs and its brokers, and passes requests on until it is told otherwise. */
export class KafkaProxy {
  private readonly clients = new Set<Socket>();
  private strike: { how: Strike; produceRequests: number } | undefined;
  private refusing = false;

  private constructor(
    private readonly server: Server,
    private readonly port: number,
    private readonly closedPort: number,
  ) {
    server.on('connection', (client) => this.accept(client));
  }

  static async start(): Promise<KafkaProxy> {
    const listening = async (): Promise<[Server, number]> => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return [server, (server.address() as AddressInfo).port];
    };
    const [[closed, closedPort], [server, port]] = await Promise.all([listening(), listening()]);
    closed.close();
    await once(closed, 'close');
    return new KafkaProxy(server, port, closedPort);
  }

  /** For kafkajs' option of that name: whatever broker it means to connect to, it connects to this, and says to whom it wanted. */
  readonly socketFactory: ISocketFactory = ({ host, port, onConnect }) => {
    if (this.refusing) {
      return connect(this.closedPort, '127.0.0.1', onConnect);
    }
    const socket = connect(this.port, '127.0.0.1', onConnect);
    socket.write(`${host}:${port}\n`);
    return socket;
  };

  get openConnections(): number {
    return this.clients.size;
  }

  /** Once, at the first request to write from now on, or at a later one. */
  strikeOnce(how: Strike, produceRequest = 1): void {
    this.strike = { how, produceRequests: produceRequest };
  }

  /** Cuts what is open, and lets nothing new connect. */
  refuse(): void {
    this.refusing = true;
    this.clients.forEach((client) => client.resetAndDestroy());
  }

  recover(): void {
    this.strike = undefined;
    this.refusing = false;
  }

  async close(): Promise<void> {
    this.clients.forEach((client) => client.destroy());
    this.server.close();
    await once(this.server, 'close');
  }

  private accept(client: Socket): void {
    this.clients.add(client);
    client.on('close', () => this.clients.delete(client));
    client.on('error', () => client.destroy());
    let unread = Buffer.alloc(0);
    let broker: Socket | undefined;
    client.on('data', (bytes: Buffer) => {
      unread = Buffer.concat([unread, bytes]);
      if (broker === undefined) {
        const end = unread.indexOf('\n');
        if (end === -1) {
          return;
        }
        broker = this.dial(client, unread.subarray(0, end).toString());
        unread = unread.subarray(end + 1);
      }
      while (unread.length >= 4 && unread.length >= 4 + unread.readInt32BE()) {
        const size = 4 + unread.readInt32BE();
        this.pass(unread.subarray(0, size), client, broker);
        unread = unread.subarray(size);
      }
    });
  }

  private dial(client: Socket, address: string): Socket {
    const [host, port] = address.split(':');
    const broker = connect(Number(port), host);
    broker.on('data', (bytes) => client.write(bytes));
    broker.on('error', () => client.destroy());
    broker.on('close', () => client.destroy());
    client.on('close', () => broker.destroy());
    return broker;
  }

  private pass(request: Buffer, client: Socket, broker: Socket): void {
    const { strike } = this;
    if (strike === undefined || request.readInt16BE(4) !== PRODUCE || --strike.produceRequests > 0) {
      broker.write(request);
      return;
    }
    this.strike = undefined;
    const cut = (): unknown => client.resetAndDestroy();
    switch (strike.how) {
      case 'cut before the request':
        cut();
        break;
      case 'cut in the middle of the request':
        broker.write(request.subarray(0, request.length / 2), cut);
        break;
      case 'cut between request and answer':
        broker.removeAllListeners('data').once('data', cut);
        broker.write(request);
        break;
      case 'silent after the request':
        broker.removeAllListeners('data').resume();
        broker.write(request);
        break;
    }
  }
}
