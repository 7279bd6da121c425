import { Program, type Output } from './program';

export interface ShopOptions extends Output {
  /** As PORT takes it; '0': any free one. */
  readonly port: string;
  readonly databaseUrl: string;
  /** Null: no Kafka. */
  readonly brokers: readonly string[] | null;
}

/** The shop as a child process. */
export class Shop {
  private constructor(
    private readonly program: Program,
    readonly url: string,
  ) {}

  /** @throws StartError if it ends instead of serving; it has said why */
  static async start({ port, databaseUrl, brokers, ...output }: ShopOptions): Promise<Shop> {
    const { program, said } = await Program.start({
      ...output,
      name: 'shop',
      script: 'main.js',
      ready: /^The shop serves (http:\S+)$/,
      env: { PORT: port, DATABASE_URL: databaseUrl, KAFKA_BROKERS: brokers === null ? 'none' : brokers.join(',') },
    });
    return new Shop(program, said[1] ?? '');
  }

  /** Its exit code, once it has ended. */
  get ended(): Promise<number> {
    return this.program.ended;
  }

  stop(): Promise<void> {
    return this.program.stop();
  }
}
