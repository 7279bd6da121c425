import { ConfigError } from '../../../sample-app/src/config/config.error';
import { readConfig, readRelayConfig } from '../../../sample-app/src/config/shop-config';

function faultsOf(
  environment: Record<string, string>,
  read: (from: typeof environment) => unknown = readConfig,
): readonly string[] {
  try {
    read(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe('configuration of the shop', () => {
  it('has a default for everything', () => {
    expect(readConfig({})).toEqual({
      port: 3000,
      databaseUrl: 'postgres://postgres:postgres@localhost:5432/postgres',
      brokers: ['localhost:9092'],
      relay: true,
    });
  });

  it('takes an empty variable for one that is not set', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: ' ', KAFKA_BROKERS: '' })).toEqual(readConfig({}));
  });

  it('reads what is given', () => {
    expect(
      readConfig({
        PORT: '0',
        DATABASE_URL: 'postgresql://u:p%40@db/shop?sslmode=require',
        KAFKA_BROKERS: 'a:1, b.c:2,[::1]:3',
        SHOP_RELAY: 'false',
      }),
    ).toEqual({
      port: 0,
      databaseUrl: 'postgresql://u:p%40@db/shop?sslmode=require',
      brokers: ['a:1', 'b.c:2', '[::1]:3'],
      relay: false,
    });
  });

  it('does without Kafka where it is told so', () => {
    expect(readConfig({ KAFKA_BROKERS: 'none' }).brokers).toBeNull();
  });

  it.each(['abc', '-1', '65536', '3000.5', '1e3'])('refuses the port %s and says what to do', (port) => {
    expect(faultsOf({ PORT: port })).toEqual([
      `PORT is "${port}", and must be a whole number from 0 to 65535: leave it out for 3000, or give 0 for any free port`,
    ]);
  });

  it.each(['localhost', 'localhost:', 'a:1,,b:2', 'a:0', 'a:65536', 'kafka://a:1', 'NONE'])(
    'refuses the brokers %s',
    (brokers) => {
      expect(faultsOf({ KAFKA_BROKERS: brokers })).toEqual([
        expect.stringContaining(`KAFKA_BROKERS is "${brokers}", and must be`),
      ]);
    },
  );

  it('refuses a shop whose events nobody could deliver', () => {
    expect(faultsOf({ SHOP_RELAY: 'no' })).toEqual([expect.stringContaining('SHOP_RELAY is "no", and must be')]);
    expect(faultsOf({ KAFKA_BROKERS: 'none', SHOP_RELAY: 'false' })).toEqual([
      expect.stringContaining('nobody could deliver'),
    ]);
  });

  it('names every fault at once', () => {
    expect(faultsOf({ PORT: 'x', DATABASE_URL: 'x', KAFKA_BROKERS: 'x', SHOP_RELAY: 'x' })).toHaveLength(4);
  });

  it.each(['mysql://root:secret@db/x', 'root:secret@db', 'postgres//root:secret@db', 'root:sec/ret@db:5432/x'])(
    'does not repeat the password of the wrong URL %s',
    (url) => {
      const [fault] = faultsOf({ DATABASE_URL: url });
      expect(fault).toContain('DATABASE_URL is ');
      expect(fault).not.toMatch(/secret|sec\/ret|root/);
    },
  );
});

describe('configuration of the relay', () => {
  it('has the defaults of the shop, and knows nothing of its port', () => {
    const { databaseUrl, brokers } = readConfig({});
    expect(readRelayConfig({ PORT: 'x' })).toEqual({ databaseUrl, brokers });
  });

  it('needs Kafka', () => {
    expect(faultsOf({ KAFKA_BROKERS: 'none' }, readRelayConfig)).toEqual([
      expect.stringContaining('KAFKA_BROKERS is "none", and must be one or more "host:port"'),
    ]);
  });
});
