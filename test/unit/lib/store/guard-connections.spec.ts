import { EventEmitter } from 'node:events';
import type { DataSource } from 'typeorm';
import { guardConnections } from '../../../../lib/store/guard-connections';

describe('a connection of a guarded pool', () => {
  const aPool = (): EventEmitter => new EventEmitter();
  const aClientOf = (pool: EventEmitter): EventEmitter => {
    const client = new EventEmitter();
    pool.emit('connect', client);
    return client;
  };
  const sourceOf = (driver: object): DataSource => ({ driver }) as unknown as DataSource;

  it('may report an error before anybody listens, without an end of the process', () => {
    const [master, slave] = [aPool(), aPool()];
    guardConnections(sourceOf({ master, slaves: [slave] }));
    for (const pool of [master, slave]) {
      expect(() => aClientOf(pool).emit('error', new Error('terminating connection'))).not.toThrow();
    }
  });

  it('has one listener more, however often the pool was guarded', () => {
    const master = aPool();
    guardConnections(sourceOf({ master }));
    guardConnections(sourceOf({ master }));
    expect(aClientOf(master).listenerCount('error')).toBe(1);
  });

  it('need not be there', () => {
    expect(() => guardConnections(sourceOf({}))).not.toThrow();
  });
});
