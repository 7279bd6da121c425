import { ConfigError } from '../../../sample-app/src/config/config.error';
import { readConfig } from '../../../sample-app/src/config/shop-config';

function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment);
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
      }),
    ).toEqual({
      port: 0,
      databaseUrl: 'postgresql://u:p%40@db/shop?sslmode=require',
      brokers: ['a:1', 'b.c:2', '[::1]:3'],
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

  it('names every fault at once', () => {
    expect(faultsOf({ PORT: 'x', DATABASE_URL: 'x', KAFKA_BROKERS: 'x' })).toHaveLength(3);
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
