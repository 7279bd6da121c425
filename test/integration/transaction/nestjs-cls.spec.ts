import { Injectable } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { ClsPluginTransactional, Propagation, Transactional, TransactionHost } from '@nestjs-cls/transactional';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { ClsModule, ClsModuleOptions } from 'nestjs-cls';
import { Outboxed } from 'nestjs-outboxed';
import type { Open } from '../support/rows-and-events';
import { both, TransactionSuite } from '../support/transaction-suite';

type Host = TransactionHost<TransactionalAdapterTypeOrm>;
type Work = (manager: Host['tx']) => Promise<unknown>;

@Injectable()
class Opening {
  constructor(readonly host: TransactionHost<TransactionalAdapterTypeOrm>) {}

  @Transactional()
  async transactional(work: Work): Promise<unknown> {
    return work(this.host.tx);
  }

  @Transactional<TransactionalAdapterTypeOrm>({ isolationLevel: 'SERIALIZABLE' })
  async serializable(work: Work): Promise<unknown> {
    return work(this.host.tx);
  }

  @Transactional(Propagation.RequiresNew)
  async independent(work: Work): Promise<unknown> {
    return work(this.host.tx);
  }

  @Transactional(Propagation.Nested)
  async nested(work: Work): Promise<unknown> {
    return work(this.host.tx);
  }

  @Transactional()
  async nesting(work: Work): Promise<unknown> {
    return this.nested(work);
  }

  @Transactional()
  async joinedByOutboxed(work: Work): Promise<unknown> {
    return this.outboxed(work);
  }

  @Outboxed()
  async outboxed(work: Work): Promise<unknown> {
    return work(this.host.tx);
  }

  @Transactional()
  @Outboxed()
  async both(work: Work): Promise<unknown> {
    return work(this.host.tx);
  }
}

const waysToOpen: Record<string, (by: Opening) => Open> = {
  '@Transactional()': (by) => (work) => by.transactional(work),
  '@Transactional() with an isolation level': (by) => (work) => by.serializable(work),
  '@Transactional(Nested) in another one': (by) => (work) => by.nesting(work),
  '@Transactional(RequiresNew) in another one': (by) => (work) => by.transactional(() => by.independent(work)),
  '@Transactional() that @Outboxed() joins': (by) => (work) => by.joinedByOutboxed(work),
  '@Transactional() above @Outboxed()': (by) => (work) => by.both(work),
  'host.withTransaction': (by) => (work) => by.host.withTransaction(() => work(by.host.tx)),
};

describe('With nestjs-cls, a transaction', () => {
  const suite = TransactionSuite.declare({
    imports: [
      ClsModule.forRoot(
        Object.assign(new ClsModuleOptions(), {
          plugins: [
            new ClsPluginTransactional({
              adapter: new TransactionalAdapterTypeOrm({ dataSourceToken: getDataSourceToken() as string }),
            }),
          ],
        }),
      ),
    ],
    providers: [Opening],
  });
  suite.describeWays(Opening, waysToOpen, Object.keys(waysToOpen));

  it('loses exactly what was added inside @Transactional(Nested) that fails', async () => {
    const by = suite.app.module.get(Opening);
    await by.transactional(async () => {
      await suite.write('nested-1');
      const failing = by.nested(async () => {
        await suite.write('nested-2');
        throw new Error('back to the savepoint');
      });
      await expect(failing).rejects.toThrow('back to the savepoint');
      await suite.write('nested-3');
    });
    expect(await suite.stored('nested')).toEqual(both('nested-1', 'nested-3'));
  });

  it('of @Transactional() inside one of @Outboxed() is one of its own, as that library does not know the outer one', async () => {
    const by = suite.app.module.get(Opening);
    const failure = new Error('rolls back only the outer one');
    const outer = by.outboxed(async () => {
      await suite.writers.items.save({ id: 'foreign-outer' });
      await by.transactional(async () => {
        await suite.write('foreign-inner');
      });
      throw failure;
    });
    await expect(outer).rejects.toBe(failure);
    expect(await suite.stored('foreign')).toEqual(both('foreign-inner'));
  });
});
