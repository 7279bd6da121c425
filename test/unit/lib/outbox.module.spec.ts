import { Inject, Injectable, Module, type DynamicModule, type Type } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import { DataSource, DefaultNamingStrategy } from 'typeorm';
import { getDeadLettersToken } from '../../../lib/admin/dead-letters-tokens';
import { OutboxDeadLetters } from '../../../lib/admin/outbox-dead-letters';
import { TypeOrmDeadLetters } from '../../../lib/admin/typeorm-dead-letters';
import { optionsToken, publisherToken } from '../../../lib/config/tokens';
import type { ResolvedOutboxOptions } from '../../../lib/config/outbox-options';
import {
  OutboxColumnsRenamedError,
  OutboxDataSourceMissingError,
  OutboxDataSourceNotInitializedError,
  OutboxDataSourceUnsupportedError,
  OutboxEntitiesMissingError,
  OutboxOptionsInvalidError,
  OutboxRegisteredTwiceError,
} from '../../../lib/errors/start-up.errors';
import { OutboxModule } from '../../../lib/outbox.module';
import type { OutboxOptionsFactory } from '../../../lib/outbox-module.options';
import { InProcessPublisher } from '../../../lib/publish/in-process.publisher';
import { KafkaJsPublisher } from '../../../lib/publish/kafkajs.publisher';
import { EventRelayWorker } from '../../../lib/relay/event-relay.worker';
import { getRelayToken } from '../../../lib/relay/relay-tokens';
import { outboxEntities } from '../../../lib/store/outbox-entities';
import { OutboxUpkeep } from '../../../lib/upkeep/outbox-upkeep';
import { getUpkeepToken } from '../../../lib/upkeep/upkeep-tokens';
import { getOutboxToken } from '../../../lib/write/outbox-tokens';
import { OutboxRepository } from '../../../lib/write/outbox.repository';
import { TypeOrmOutboxRepository } from '../../../lib/write/typeorm-outbox.repository';
import { aDataSource } from './support/a-data-source';
import { thrown } from './support/thrown';

/** Stands in for TypeOrmModule.forRoot: a data source that is there, but not connected. */
@Module({})
class DataSourceModule {
  static with(dataSource: unknown, name = 'default'): DynamicModule {
    const provide = getDataSourceToken(name);
    return {
      module: DataSourceModule,
      global: true,
      providers: [{ provide, useValue: dataSource }],
      exports: [provide],
    };
  }
}

describe('OutboxModule', () => {
  let modules: TestingModule[] = [];
  let dataSource: DataSource;

  beforeEach(async () => {
    dataSource = await aDataSource();
  });
  afterEach(async () => {
    await Promise.all(modules.map((module) => module.close()));
    modules = [];
  });

  async function start(...imports: (DynamicModule | Type)[]): Promise<TestingModule> {
    const module = await Test.createTestingModule({ imports }).compile();
    modules.push(module);
    return module;
  }

  const optionsOf = (module: TestingModule, name = 'default'): ResolvedOutboxOptions =>
    module.get<ResolvedOutboxOptions>(optionsToken(name), { strict: false });

  describe('gives', () => {
    it('the repository, the dead letters, the relay and the upkeep', async () => {
      const module = await start(DataSourceModule.with(dataSource), OutboxModule.forRoot({ relay: false }));
      expect(module.get(OutboxRepository)).toBeInstanceOf(TypeOrmOutboxRepository);
      expect(module.get(OutboxDeadLetters)).toBeInstanceOf(TypeOrmDeadLetters);
      expect(module.get(EventRelayWorker)).toBeInstanceOf(EventRelayWorker);
      expect(module.get(OutboxUpkeep)).toBeInstanceOf(OutboxUpkeep);
    });

    it('those of a named data source beside those of the default one', async () => {
      const billing = await aDataSource();
      const module = await start(
        DataSourceModule.with(dataSource),
        DataSourceModule.with(billing, 'billing'),
        OutboxModule.forRoot({ relay: false }),
        OutboxModule.forRoot({ relay: false, dataSource: 'billing', batchSize: 5 }),
      );
      expect(module.get<unknown>(getOutboxToken('billing'))).toBeInstanceOf(TypeOrmOutboxRepository);
      expect(module.get<unknown>(getDeadLettersToken('billing'))).toBeInstanceOf(TypeOrmDeadLetters);
      expect(module.get<unknown>(getDeadLettersToken('billing'))).not.toBe(module.get<unknown>(getDeadLettersToken()));
      expect(module.get<unknown>(getOutboxToken('billing'))).not.toBe(module.get<unknown>(getOutboxToken()));
      expect(module.get<unknown>(getRelayToken('billing'))).not.toBe(module.get<unknown>(getRelayToken()));
      expect(module.get<unknown>(getUpkeepToken('billing'))).not.toBe(module.get<unknown>(getUpkeepToken()));
      expect([optionsOf(module).batchSize, optionsOf(module, 'billing').batchSize]).toEqual([1000, 5]);
    });

    it.each([
      ['no publisher to a process that only writes', { relay: false }, null],
      [
        'the given publisher also to a process that only writes, as it may drain',
        { relay: false, publisher: new InProcessPublisher() },
        InProcessPublisher,
      ],
      ['the given publisher', { publisher: new InProcessPublisher() }, InProcessPublisher],
      ['the publisher through kafkajs', { kafka: { brokers: ['localhost:9092'] } }, KafkaJsPublisher],
    ])('%s', async (_what, options, publisher) => {
      const module = await start(DataSourceModule.with(dataSource), OutboxModule.forRoot(options));
      const given = module.get<object | null>(publisherToken('default'), { strict: false });
      expect(given?.constructor ?? null).toBe(publisher);
    });
  });

  describe('is global', () => {
    @Injectable()
    class Orders {
      @Inject(OutboxRepository) readonly outbox!: OutboxRepository;
    }
    @Module({ providers: [Orders] })
    class OrdersModule {}

    it('by default', async () => {
      const module = await start(
        DataSourceModule.with(dataSource),
        OutboxModule.forRoot({ relay: false }),
        OrdersModule,
      );
      expect(module.get(Orders, { strict: false }).outbox).toBe(module.get(OutboxRepository));
    });

    it('but not where that is turned off', async () => {
      const outbox = OutboxModule.forRoot({ relay: false, isGlobal: false });
      await expect(start(DataSourceModule.with(dataSource), outbox, OrdersModule)).rejects.toThrow(
        /can't resolve dependencies of the Orders/i,
      );
    });

    it('and where that is turned off, given to modules that import it', async () => {
      const outbox = OutboxModule.forRoot({ relay: false, isGlobal: false });
      @Module({ imports: [outbox], providers: [Orders] })
      class ImportingModule {}
      const module = await start(DataSourceModule.with(dataSource), outbox, ImportingModule);
      expect(module.get(Orders, { strict: false }).outbox).toBeInstanceOf(TypeOrmOutboxRepository);
    });

    it.each([true, false])('as forRootAsync is told: %s', (isGlobal) => {
      expect(OutboxModule.forRootAsync({ isGlobal, useFactory: () => ({ relay: false }) }).global).toBe(isGlobal);
      expect(OutboxModule.forRootAsync({ useFactory: () => ({ relay: false }) }).global).toBe(true);
    });
  });

  describe('takes its options', () => {
    const configuration = { batchSize: 5 };
    const token = 'configuration';
    @Module({ providers: [{ provide: token, useValue: configuration }], exports: [token] })
    class ConfigurationModule {}

    @Injectable()
    class Factory implements OutboxOptionsFactory {
      constructor(@Inject(token) private readonly given: typeof configuration) {}

      createOutboxOptions(): Promise<{ relay: boolean; batchSize: number }> {
        return Promise.resolve({ relay: false, batchSize: this.given.batchSize });
      }
    }
    @Module({ imports: [ConfigurationModule], providers: [Factory], exports: [Factory] })
    class FactoryModule {}

    it('from a function of what is injected', async () => {
      const outbox = OutboxModule.forRootAsync({
        imports: [ConfigurationModule],
        inject: [token],
        useFactory: (given: typeof configuration) => Promise.resolve({ relay: false, ...given }),
      });
      expect(optionsOf(await start(DataSourceModule.with(dataSource), outbox)).batchSize).toBe(5);
    });

    it('from a class that it makes', async () => {
      const outbox = OutboxModule.forRootAsync({ imports: [ConfigurationModule], useClass: Factory });
      expect(optionsOf(await start(DataSourceModule.with(dataSource), outbox)).batchSize).toBe(5);
    });

    it('from a provider that there is', async () => {
      const outbox = OutboxModule.forRootAsync({ imports: [FactoryModule], useExisting: Factory });
      expect(optionsOf(await start(DataSourceModule.with(dataSource), outbox)).batchSize).toBe(5);
    });

    it('for a named data source', async () => {
      const outbox = OutboxModule.forRootAsync({
        dataSource: 'billing',
        useFactory: () => ({ relay: false, batchSize: 7 }),
      });
      const module = await start(DataSourceModule.with(dataSource, 'billing'), outbox);
      expect(optionsOf(module, 'billing').batchSize).toBe(7);
    });

    it.each([
      ['none', {}],
      ['two', { useFactory: () => ({ relay: false }), useClass: Factory }],
      ['three', { useFactory: () => ({ relay: false }), useClass: Factory, useExisting: Factory }],
    ])('from exactly one source, not %s', (_what, sources) => {
      expect(() => OutboxModule.forRootAsync(sources)).toThrow(OutboxOptionsInvalidError);
      expect(() => OutboxModule.forRootAsync(sources)).toThrow(
        'forRootAsync needs exactly one of useFactory, useClass and useExisting',
      );
    });
  });

  describe('lets the start fail', () => {
    it('where options are wrong', async () => {
      const error = await thrown(OutboxOptionsInvalidError, () =>
        start(DataSourceModule.with(dataSource), OutboxModule.forRoot({ batchSize: 0 })),
      );
      expect(error.faults).toHaveLength(2);
    });

    it('where no option is given: kafka is needed', async () => {
      await expect(start(DataSourceModule.with(dataSource), OutboxModule.forRoot())).rejects.toThrow(
        'kafka is missing',
      );
    });

    it.each(['dataSource', 'isGlobal'])('where an async factory returns %s', async (name) => {
      const outbox = OutboxModule.forRootAsync({ useFactory: () => ({ relay: false, [name]: 'billing' }) });
      await expect(start(DataSourceModule.with(dataSource), outbox)).rejects.toThrow(
        `"${name}" must be known before the options are`,
      );
    });

    it('where there is no data source', async () => {
      await thrown(OutboxDataSourceMissingError, () => start(OutboxModule.forRoot({ relay: false })));
    });

    it('where there is none of that name', async () => {
      const error = await thrown(OutboxDataSourceMissingError, () =>
        start(DataSourceModule.with(dataSource), OutboxModule.forRoot({ relay: false, dataSource: 'billing' })),
      );
      expect(error.message).toContain('"billing"');
    });

    it('where the data source is not PostgreSQL', async () => {
      const error = await thrown(OutboxDataSourceUnsupportedError, () =>
        start(DataSourceModule.with({ options: { type: 'mysql' } }), OutboxModule.forRoot({ relay: false })),
      );
      expect(error.message).toContain('"mysql"');
    });

    it('where the data source is not initialized, whose name it says', async () => {
      const later = new DataSource({ type: 'postgres', entities: [...outboxEntities] });
      const error = await thrown(OutboxDataSourceNotInitializedError, () =>
        start(DataSourceModule.with(later, 'billing'), OutboxModule.forRoot({ relay: false, dataSource: 'billing' })),
      );
      expect(error.message).toContain('"billing"');
    });

    it('where a naming strategy renames the columns of the outbox', async () => {
      class Imposing extends DefaultNamingStrategy {
        override columnName(property: string): string {
          return property;
        }
      }
      const imposing = await aDataSource({ namingStrategy: new Imposing() });
      const error = await thrown(OutboxColumnsRenamedError, () =>
        start(DataSourceModule.with(imposing), OutboxModule.forRoot({ relay: false })),
      );
      expect(error.message).toContain('"default"');
    });

    it('where the data source was not told of the entities', async () => {
      const bare = await aDataSource({ entities: [] });
      await thrown(OutboxEntitiesMissingError, () =>
        start(DataSourceModule.with(bare), OutboxModule.forRoot({ relay: false })),
      );
    });

    it.each([
      ['alike', { relay: false }],
      ['different', { relay: false, batchSize: 5 }],
    ])('where two serve one data source, be they %s', async (_how, second) => {
      const error = await thrown(OutboxRegisteredTwiceError, () =>
        start(DataSourceModule.with(dataSource), OutboxModule.forRoot({ relay: false }), OutboxModule.forRoot(second)),
      );
      expect(error.message).toContain('@InjectOutbox("other")');
    });
  });

  it('is one where the same one is imported in two places', async () => {
    const outbox = OutboxModule.forRoot({ relay: false });
    @Module({ imports: [outbox] })
    class FeatureModule {}
    await expect(start(DataSourceModule.with(dataSource), outbox, FeatureModule)).resolves.toBeDefined();
  });
});
