import { Injectable, Module, type DynamicModule, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  InjectOutbox,
  InProcessPublisher,
  Outboxed,
  outboxEntities,
  OutboxModule,
  OutboxRepository,
  type OutboxOptions,
  type OutboxOptionsFactory,
} from 'nestjs-outboxed';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { anEvent } from '../support/outbox-app';

@Injectable()
class WriteOnly implements OutboxOptionsFactory {
  createOutboxOptions(): OutboxOptions {
    return { relay: false };
  }
}

@Module({ providers: [WriteOnly], exports: [WriteOnly] })
class SettingsModule {}

@Injectable()
class Notes {
  constructor(
    readonly outbox: OutboxRepository,
    @InjectOutbox('second') readonly second: OutboxRepository,
  ) {}

  @Outboxed()
  add(): Promise<string> {
    return this.outbox.addEvent(anEvent({ aggregateId: 'first' }));
  }

  @Outboxed({ dataSource: 'second' })
  addToSecond(): Promise<string> {
    return this.second.addEvent(anEvent({ aggregateId: 'second' }));
  }
}

describe('Starting', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createDatabase();
  });

  afterAll(() => database.drop());

  const typeorm = (more: object = {}): DynamicModule =>
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: database.url,
      retryAttempts: 0,
      autoLoadEntities: true,
      synchronize: true,
      ...more,
    });

  /** Starts and closes; gives the error's code, or 'started'. */
  const start = async (imports: (Type | DynamicModule)[]): Promise<unknown> => {
    try {
      const module = await Test.createTestingModule({ imports }).compile();
      module.useLogger(false);
      await module.init();
      await module.close();
      return 'started';
    } catch (error) {
      return (error as { code?: string }).code ?? error;
    }
  };

  it('works with autoLoadEntities, and with the entities listed', async () => {
    expect(await start([typeorm(), OutboxModule.forRoot({ relay: false })])).toBe('started');
    const listed = typeorm({ autoLoadEntities: false, entities: [...outboxEntities] });
    expect(await start([listed, OutboxModule.forRoot({ relay: false })])).toBe('started');
    expect(await start([OutboxModule.forRoot({ relay: false }), typeorm()])).toBe('started');
  });

  it('is refused when the data source does not know the entities', async () => {
    expect(await start([typeorm({ autoLoadEntities: false }), OutboxModule.forRoot({ relay: false })])).toBe(
      'OUTBOX_ENTITIES_MISSING',
    );
  });

  it('is refused without TypeOrmModule, and without the named data source', async () => {
    expect(await start([OutboxModule.forRoot({ relay: false })])).toBe('OUTBOX_DATA_SOURCE_MISSING');
    expect(await start([typeorm(), OutboxModule.forRoot({ relay: false, dataSource: 'other' })])).toBe(
      'OUTBOX_DATA_SOURCE_MISSING',
    );
  });

  it('is refused when two modules serve one data source', async () => {
    const twice = [
      typeorm(),
      OutboxModule.forRoot({ relay: false }),
      OutboxModule.forRoot({ relay: false, batchSize: 5 }),
    ];
    expect(await start(twice)).toBe('OUTBOX_REGISTERED_TWICE');
    const async = OutboxModule.forRootAsync({ useFactory: () => ({ relay: false }) });
    expect(await start([typeorm(), OutboxModule.forRoot({ relay: false }), async])).toBe('OUTBOX_REGISTERED_TWICE');
  });

  it('accepts one module that is imported in several places', async () => {
    const outbox = OutboxModule.forRoot({ relay: false, isGlobal: false });
    @Module({ imports: [outbox] })
    class First {}
    @Module({ imports: [outbox] })
    class Second {}
    expect(await start([typeorm(), First, Second])).toBe('started');
  });

  it('is refused with wrong options, from forRoot as from a factory', async () => {
    expect(await start([typeorm(), OutboxModule.forRoot({ relay: false, batchSize: 0 })])).toBe(
      'OUTBOX_OPTIONS_INVALID',
    );
    const async = OutboxModule.forRootAsync({ useFactory: () => Promise.resolve({ relay: false, batchSize: 0 }) });
    expect(await start([typeorm(), async])).toBe('OUTBOX_OPTIONS_INVALID');
  });

  it.each([
    [
      'useFactory',
      {
        imports: [SettingsModule],
        inject: [WriteOnly],
        useFactory: (settings: WriteOnly) => settings.createOutboxOptions(),
      },
    ],
    ['useClass', { useClass: WriteOnly }],
    ['useExisting', { imports: [SettingsModule], useExisting: WriteOnly }],
  ])('takes its options from forRootAsync with %s', async (_, options) => {
    expect(await start([typeorm(), OutboxModule.forRootAsync(options)])).toBe('started');
  });

  it('refuses forRootAsync without a source of options, and with two', () => {
    expect(() => OutboxModule.forRootAsync({})).toThrow('exactly one of');
    expect(() => OutboxModule.forRootAsync({ useClass: WriteOnly, useFactory: () => ({}) })).toThrow('exactly one of');
  });

  it('serves two data sources side by side, each with its own outbox and relay', async () => {
    const other = await createDatabase();
    const received: string[] = [];
    const publisher = (name: string): InProcessPublisher => {
      const made = new InProcessPublisher();
      made.subscribe('items', ({ key }) => void received.push(`${name} got ${key}`));
      return made;
    };
    const module = await Test.createTestingModule({
      imports: [
        typeorm(),
        typeorm({ name: 'second', url: other.url }),
        OutboxModule.forRoot({ publisher: publisher('first') }),
        OutboxModule.forRoot({ dataSource: 'second', publisher: publisher('second') }),
      ],
      providers: [Notes],
    }).compile();
    module.useLogger(false);
    await module.init();
    await module.get(Notes).add();
    await module.get(Notes).addToSecond();
    await eventually('both deliveries', () => received.length === 2);
    await module.close();
    await other.drop();
    expect(received.sort()).toEqual(['first got first', 'second got second']);
  });

  it('twice in one process: two applications do not disturb each other', async () => {
    const imports = (): (Type | DynamicModule)[] => [
      typeorm(),
      OutboxModule.forRoot({ publisher: new InProcessPublisher() }),
    ];
    const apps = await Promise.all([1, 2].map(() => Test.createTestingModule({ imports: imports() }).compile()));
    for (const app of apps) {
      app.useLogger(false);
      await app.init();
    }
    await apps[0]!.close();
    const outbox = apps[1]!.get(OutboxRepository);
    expect(await outbox.stats()).toBeDefined();
    await apps[1]!.close();
  });
});
