import { Injectable } from '@nestjs/common';
import { InjectEntityManager, InjectRepository } from '@nestjs/typeorm';
import { Outboxed, OutboxRepository, OutboxTransactions } from 'nestjs-outboxed';
import { DataSource, EntityManager, Repository } from 'typeorm';
import { Effect } from '../support/effect.entity';
import { aRecord } from '../support/inbox-messages';
import { InboxSuite, nothing, once } from '../support/inbox-suite';
import { anEvent } from '../support/outbox-app';
import { allConnectionsAreBack } from '../support/pool';

const shipped = (id: string): ReturnType<typeof anEvent> => anEvent({ aggregateId: id });

/** Ships as services do, which know nothing of an inbox. */
@Injectable()
class Shipping {
  constructor(
    @InjectRepository(Effect) private readonly effects: Repository<Effect>,
    @InjectEntityManager() private readonly manager: EntityManager,
    private readonly dataSource: DataSource,
    private readonly outbox: OutboxRepository,
    private readonly transactions: OutboxTransactions,
  ) {}

  async withRepository(id: string): Promise<void> {
    await this.effects.save({ eventId: id });
    await this.outbox.addEvent(shipped(id));
  }

  async withManager(id: string): Promise<void> {
    await this.manager.insert(Effect, { eventId: id });
    await this.outbox.addEvents([shipped(id)]);
  }

  async withSql(id: string): Promise<void> {
    await this.dataSource.query('insert into effect (event_id) values ($1)', [id]);
    await this.outbox.addEvent(shipped(id));
  }

  @Outboxed()
  async decorated(id: string): Promise<void> {
    await this.withRepository(id);
  }

  @Outboxed(({ eventId }: Effect) => shipped(eventId))
  async declared(id: string): Promise<Effect> {
    return this.effects.save({ eventId: id });
  }

  @Outboxed({ propagation: 'MANDATORY' })
  async mandatory(id: string): Promise<void> {
    await this.withRepository(id);
  }

  @Outboxed({ propagation: 'NESTED' })
  async nested(id: string): Promise<void> {
    await this.withManager(id);
  }

  async inTransaction(id: string): Promise<void> {
    await this.transactions.run(() => this.withSql(id));
  }
}

const ways = [
  'withRepository',
  'withManager',
  'withSql',
  'decorated',
  'declared',
  'mandatory',
  'nested',
  'inTransaction',
] as const;

// With one connection a second transaction would wait for the first one for ever.
describe.each([10, 1])('The record of a message, with a pool of %i', (poolSize) => {
  const suite = InboxSuite.declare({ typeorm: { poolSize }, providers: [Shipping] });
  const failure = new Error('no stock');
  const shipping = (): Shipping => suite.app.module.get(Shipping);

  afterEach(() => allConnectionsAreBack(suite.app.dataSource));

  it.each(ways)('commits together with the row and the event of a handler that writes %s', async (way) => {
    const outcome = await suite.deliver(aRecord({ id: 'a' }), async () => {
      await shipping()[way]('a');
      expect(await suite.left()).toEqual(nothing);
      return 'shipped';
    });
    expect(outcome).toEqual({ status: 'processed', result: 'shipped' });
    expect(await suite.left()).toEqual(once('a'));
  });

  it.each(ways)('is not there, nor are row and event, if a handler that writes %s fails', async (way) => {
    const delivering = suite.deliver(aRecord({ id: 'a' }), async () => {
      await shipping()[way]('a');
      throw failure;
    });
    await expect(delivering).rejects.toBe(failure);
    expect(await suite.left()).toEqual(nothing);
  });

  it('commits with a handler that writes nothing, and with one that is no promise', async () => {
    await expect(suite.deliver(aRecord({ id: 'a' }), () => 'seen')).resolves.toEqual({
      status: 'processed',
      result: 'seen',
    });
    expect(await suite.left()).toEqual({ ...nothing, handled: ['a'] });
  });

  it('is not there if a handler throws before it returns a promise', async () => {
    const delivering = suite.deliver(aRecord({ id: 'a' }), () => {
      throw failure;
    });
    await expect(delivering).rejects.toBe(failure);
    expect(await suite.left()).toEqual(nothing);
  });

  it('is not there if a statement of the handler has failed, which the handler did not notice', async () => {
    const delivering = suite.deliver(aRecord({ id: 'a' }), async () => {
      await suite.ship('a');
      await suite.app.dataSource.query('select from nowhere').catch(() => undefined);
    });
    await expect(delivering).rejects.toMatchObject({ code: 'OUTBOX_TRANSACTION_ABORTED' });
    expect(await suite.left()).toEqual(nothing);
  });
});
