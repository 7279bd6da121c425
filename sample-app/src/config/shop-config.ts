import { ConfigError } from './config.error';

/** All that can be set from outside, checked once. */
export interface ShopConfig {
  /** PORT: where HTTP is served; 0 lets the system choose. Default: 3000. */
  readonly port: number;
  /** DATABASE_URL. Default: postgres://postgres:postgres@localhost:5432/postgres. */
  readonly databaseUrl: string;
  /** KAFKA_BROKERS: "host:port", several separated by commas. Default: localhost:9092. `none` gives null: no Kafka at all. */
  readonly brokers: readonly string[] | null;
  /** SHOP_RELAY: `false` if another process delivers the events (relay.ts). Default: true. */
  readonly relay: boolean;
}

/** The same for the process that only relays. */
export interface RelayConfig {
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

interface Variable<T> {
  readonly default: string;
  /** What is allowed, to stand behind "must be". */
  readonly allowed: string;
  readonly remedy: string;
  /** Undefined: not allowed. */
  readonly parse: (text: string) => T | undefined;
}

const PORT: Variable<number> = {
  default: '3000',
  allowed: 'a whole number from 0 to 65535',
  remedy: 'leave it out for 3000, or give 0 for any free port',
  parse: (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined),
};

const DATABASE_URL: Variable<string> = {
  default: 'postgres://postgres:postgres@localhost:5432/postgres',
  allowed: 'the URL of a PostgreSQL database',
  remedy: 'write postgres://user:password@host:5432/database, with special characters in the password percent-encoded',
  parse: (text) => (/^postgres(ql)?:$/.test(protocolOf(text)) && new URL(text).hostname !== '' ? text : undefined),
};

const KAFKA_BROKERS: Variable<readonly string[] | null> = {
  default: 'localhost:9092',
  allowed: 'one or more "host:port" separated by commas, or "none"',
  remedy: 'name the port too, such as localhost:9092; with "none" events are delivered inside this process only',
  parse: (text) => {
    if (text === 'none') return null;
    const brokers = text.split(',').map((broker) => broker.trim());
    return brokers.every(isHostAndPort) ? brokers : undefined;
  },
};

/** The relay has nobody inside its process to deliver to. */
const RELAY_BROKERS: Variable<readonly string[]> = {
  ...KAFKA_BROKERS,
  allowed: 'one or more "host:port" separated by commas',
  remedy: 'name the brokers that the events are for, such as localhost:9092',
  parse: (text) => KAFKA_BROKERS.parse(text) ?? undefined,
};

const SHOP_RELAY: Variable<boolean> = {
  default: 'true',
  allowed: '"true" or "false"',
  remedy: 'leave it out, or give "false" where npm run relay delivers the events',
  parse: (text) => (text === 'true' || text === 'false' ? text === 'true' : undefined),
};

/** @throws ConfigError with every fault, not only the first */
export function readConfig(environment: Environment): ShopConfig {
  const config = checked(environment, (read) => ({
    port: read('PORT', PORT),
    databaseUrl: read('DATABASE_URL', DATABASE_URL),
    brokers: read('KAFKA_BROKERS', KAFKA_BROKERS),
    relay: read('SHOP_RELAY', SHOP_RELAY),
  }));
  if (config.brokers === null && !config.relay) {
    throw new ConfigError([
      'SHOP_RELAY is "false" and KAFKA_BROKERS is "none", so that nobody could deliver: leave one of them out',
    ]);
  }
  return config;
}

/** @throws ConfigError with every fault, not only the first */
export function readRelayConfig(environment: Environment): RelayConfig {
  return checked(environment, (read) => ({
    databaseUrl: read('DATABASE_URL', DATABASE_URL),
    brokers: read('KAFKA_BROKERS', RELAY_BROKERS),
  }));
}

type Read = <T>(name: string, variable: Variable<T>) => T;

function checked<C extends object>(environment: Environment, make: (read: Read) => C): C {
  const faults: string[] = [];
  const read = <T>(name: string, variable: Variable<T>): T => {
    // An empty variable is how shells and compose files write "not set".
    const text = environment[name]?.trim() || variable.default;
    const value = variable.parse(text);
    if (value === undefined) {
      faults.push(
        `${name} is ${JSON.stringify(withoutCredentials(text))}, and must be ${variable.allowed}: ${variable.remedy}`,
      );
    }
    return value as T;
  };
  const config = Object.freeze(make(read));
  if (faults.length > 0) throw new ConfigError(faults);
  return config;
}

function protocolOf(text: string): string {
  return URL.canParse(text) ? new URL(text).protocol : '';
}

function isHostAndPort(broker: string): boolean {
  const [, port] = /^(?:[\w.-]+|\[[\da-fA-F:.]+\]):(\d{1,5})$/.exec(broker) ?? [];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}

/** For messages: user and password are left out, also of a URL that cannot be parsed. */
function withoutCredentials(text: string): string {
  return text.replace(/^([^/]*\/\/)?.*@/s, '$1***@');
}
