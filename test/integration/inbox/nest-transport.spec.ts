import { randomUUID } from 'node:crypto';
import { Controller, type INestApplication } from '@nestjs/common';
import {
  ClientProxyFactory,
  Ctx,
  EventPattern,
  KafkaContext,
  KafkaRetriableException,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
  type ClientKafka,
  type KafkaOptions,
} from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { IdempotentConsumer, InboxMessageNotFoundError, OutboxModule, OutboxRepository } from 'nestjs-outboxed';
import { lastValueFrom } from 'rxjs';
import { Repository } from 'typeorm';
import { endedAtLast } from '../support/cleanup';
import { createDatabase, type TestDatabase } from '../support/database';
import { Effect } from '../support/effect.entity';
import { eventually } from '../support/eventually';
import { produce } from '../support/inbox-kafka';
import { leftIn, once } from '../support/inbox-suite';
import { createNamedTopic, describeWithKafka, sharedBrokers } from '../support/kafka';
import { anEvent } from '../support/outbox-app';

const topic = (): string => `test-${randomUUID()}`;
const [orders, returns, defaults, blind, requests, refunds] = [topic(), topic(), topic(), topic(), topic(), topic()];

// Nest 12 types handlers of events so that none can take the context (a parameter of the type unknown it could).
const Event = EventPattern as (pattern: string) => MethodDecorator;

interface Order {
  readonly id: string;
}

/** How often the handler fails at an order from now on, and with what. */
const failures = new Map<string, Error[]>();
/** The handler's calls. */
let calls: string[];

@Controller()
class ShippingController {
  constructor(
    @InjectRepository(Effect) private readonly effects: Repository<Effect>,
    private readonly outbox: OutboxRepository,
  ) {}

  @Event(orders)
  @IdempotentConsumer({ consumer: 'shipping', maxAttempts: 4 })
  async ship(@Payload() order: Order, @Ctx() context: KafkaContext): Promise<void> {
    expect(context.getTopic()).toBe(orders);
    await this.write(order.id);
  }

  @IdempotentConsumer({ consumer: 'returns' })
  @Event(returns)
  async takeBack(@Ctx() _context: KafkaContext, @Payload() order: Order): Promise<void> {
    await this.write(order.id);
  }

  @Event(defaults)
  @IdempotentConsumer()
  async named(@Payload() order: Order, @Ctx() _context: KafkaContext): Promise<void> {
    await this.write(order.id);
  }

  @MessagePattern(requests)
  @IdempotentConsumer({ consumer: 'requests' })
  async answer(@Payload() order: Order, @Ctx() _context: KafkaContext): Promise<{ shipped: string }> {
    await this.write(order.id);
    return { shipped: order.id };
  }

  @MessagePattern(refunds)
  @IdempotentConsumer({ consumer: 'refunds', maxAttempts: 1 })
  async refund(@Payload() order: Order, @Ctx() _context: KafkaContext): Promise<{ refunded: string }> {
    await this.write(order.id);
    return { refunded: order.id };
  }

  @Event(blind)
  @IdempotentConsumer()
  async eventWithoutContext(@Payload() order: Order): Promise<void> {
    await this.write(order.id);
  }

  @IdempotentConsumer()
  async withoutContext(order: Order): Promise<void> {
    await this.write(order.id);
  }

  private async write(id: string): Promise<void> {
    calls.push(id);
    await this.effects.insert({ eventId: id });
    await this.outbox.addEvent(anEvent({ aggregateId: id }));
    const failure = failures.get(id)?.shift();
    if (failure !== undefined) {
      throw failure;
    }
  }
}

const options = (): NonNullable<KafkaOptions['options']> => ({
  client: {
    brokers: sharedBrokers(),
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 60 },
  },
  consumer: { groupId: `test-${randomUUID()}`, maxWaitTimeInMs: 100, allowAutoTopicCreation: false },
  subscribe: { fromBeginning: true },
});

describeWithKafka("A handler of Nest's Kafka transport", () => {
  let database: TestDatabase;
  let app: INestApplication;
  let close: () => Promise<void>;

  beforeAll(async () => {
    const answers = [requests, refunds].map((each) => `${each}.reply`);
    const topics = [orders, returns, defaults, blind, requests, refunds, ...answers];
    await Promise.all(topics.map((each) => createNamedTopic(each)));
    database = await createDatabase();
    const module = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({
          type: 'postgres',
          url: database.url,
          autoLoadEntities: true,
          synchronize: true,
          retryAttempts: 0,
        }),
        TypeOrmModule.forFeature([Effect]),
        OutboxModule.forRoot({ relay: false }),
      ],
      controllers: [ShippingController],
    }).compile();
    app = module.createNestApplication({ logger: false });
    close = endedAtLast(() => app.close());
    app.connectMicroservice<KafkaOptions>({ transport: Transport.KAFKA, options: options() });
    await app.startAllMicroservices();
  });

  beforeEach(async () => {
    failures.clear();
    calls = [];
    await database.query('truncate effect, event_inbox, event_inbox_dead_letter, event_outbox');
  });

  afterAll(async () => {
    await close?.();
    await database?.drop();
  });

  const send = (to: string, ...ids: string[]): Promise<void> =>
    produce(
      to,
      ids.map((id) => ({ key: 'key', value: JSON.stringify({ id }), headers: { ce_id: id } })),
    );
  const handled = async (...ids: string[]): Promise<void> => {
    await eventually(`${ids.join()} to be handled`, async () => (await leftIn(database)).handled.length === ids.length);
    expect(await leftIn(database)).toEqual(once(...ids));
  };

  it('handles each event once, however often it comes', async () => {
    await send(orders, 'a', 'a', 'b', 'a', 'b', 'c');
    await handled('a', 'b', 'c');
    await send(orders, 'a', 'd');
    await handled('a', 'b', 'c', 'd');
    expect(calls).toEqual(['a', 'b', 'c', 'd']);
  });

  it('gets an event again that it has failed at, before the next one of its partition, and handles it once', async () => {
    failures.set('b', [new Error('no stock'), new RpcException('no stock')]);
    await send(orders, 'a', 'b', 'c');
    await handled('a', 'b', 'c');
    expect(calls).toEqual(['a', 'b', 'b', 'b', 'c']);
    expect(await database.query(`select attempts::int from event_inbox where message_id = 'b'`)).toEqual([
      { attempts: 2 },
    ]);
  });

  it('gives an event up after maxAttempts, and goes on with the next one', async () => {
    failures.set('b', Array<Error>(9).fill(new Error('no stock')));
    await send(orders, 'a', 'b', 'c');
    await eventually('the next one', async () => (await leftIn(database)).effects.includes('c'));
    expect(calls).toEqual(['a', 'b', 'b', 'b', 'b', 'c']);
    expect(await leftIn(database)).toEqual({ ...once('a', 'c'), handled: ['a', 'b', 'c'] });
    const dead = await database.query(
      `select topic, attempts::int, reason, convert_from(message_value, 'UTF8') as value from event_inbox_dead_letter`,
    );
    expect(dead).toEqual([{ topic: orders, attempts: 4, reason: 'Error: no stock', value: '{"id":"b"}' }]);
  });

  it('may have its decorators in any order, and the context at any place', async () => {
    failures.set('a', [new Error('no stock')]);
    await send(returns, 'a', 'a', 'b');
    await handled('a', 'b');
    expect(calls).toEqual(['a', 'a', 'b']);
  });

  it('is a consumer named by class and method, unless told otherwise', async () => {
    await send(orders, 'a');
    await handled('a');
    await send(defaults, 'a', 'a');
    await eventually('the other one', async () => (await leftIn(database)).handled.length === 2);
    const rows = await database.query<{ consumer: string }>('select consumer from event_inbox');
    expect(rows.map(({ consumer }) => consumer).sort()).toEqual(['ShippingController.named', 'shipping']);
    expect(calls).toEqual(['a', 'a']);
  });

  it('gets an event again that it has failed at with an RpcException, also if that asks for an answer', async () => {
    failures.set('a', [new RpcException('no stock')]);
    const headers = { ce_id: 'a', kafka_correlationId: 'asked', kafka_replyTopic: `${requests}.reply` };
    await produce(orders, [{ key: 'key', value: JSON.stringify({ id: 'a' }), headers }]);
    await handled('a');
    expect(calls).toEqual(['a', 'a']);
  });

  it('leaves no event behind if it does not take the context', async () => {
    const calling = app.get(ShippingController).eventWithoutContext({ id: 'a' });
    await expect(calling).rejects.toBeInstanceOf(KafkaRetriableException);
    await expect(calling).rejects.toMatchObject({ cause: expect.any(InboxMessageNotFoundError) as Error });
    await expect(calling).rejects.toThrow('ShippingController.eventWithoutContext');
    expect(calls).toEqual([]);
  });

  it('is told if it does not take the context, and is called by others', async () => {
    const controller = app.get(ShippingController);
    const calling = controller.withoutContext({ id: 'a' });
    await expect(calling).rejects.toBeInstanceOf(InboxMessageNotFoundError);
    await expect(calling).rejects.toThrow('ShippingController.withoutContext');
    expect(calls).toEqual([]);
  });

  describe('that answers requests', () => {
    let client: ClientKafka;
    let closeClient: () => Promise<void>;

    beforeAll(async () => {
      client = ClientProxyFactory.create({
        transport: Transport.KAFKA,
        options: { ...options(), subscribe: { fromBeginning: false } },
      }) as unknown as ClientKafka;
      closeClient = endedAtLast(() => client.close());
      client.subscribeToResponseOf(requests);
      client.subscribeToResponseOf(refunds);
      await client.connect();
    });
    afterAll(() => closeClient?.());

    const ask = (id: string, pattern = requests): Promise<unknown> =>
      lastValueFrom(client.send<unknown>(pattern, { key: 'key', value: { id }, headers: { ce_id: id } }), {
        defaultValue: 'nothing',
      });

    it('answers with what it returns', async () => {
      await expect(ask('a')).resolves.toEqual({ shipped: 'a' });
      await handled('a');
    });

    it('gets a request again that it has failed at, and answers that', async () => {
      failures.set('a', [new Error('no stock'), new Error('no stock')]);
      await expect(ask('a')).resolves.toEqual({ shipped: 'a' });
      expect(calls).toEqual(['a', 'a', 'a']);
      await handled('a');
    });

    it('answers with an RpcException that it throws, and leaves nothing behind', async () => {
      failures.set('a', [new RpcException({ status: 'error', message: 'not for sale' })]);
      await expect(ask('a')).rejects.toMatchObject({ message: 'not for sale' });
      expect(calls).toEqual(['a']);
      expect((await leftIn(database)).effects).toEqual([]);
    });

    it('answers a request that it gives up with the error', async () => {
      failures.set('a', [new Error('no stock')]);
      await expect(ask('a', refunds)).rejects.toMatchObject({ message: 'no stock' });
      expect(calls).toEqual(['a']);
      expect(await leftIn(database)).toEqual({ ...once(), handled: ['a'] });
      expect(await database.query('select reason from event_inbox_dead_letter')).toEqual([
        { reason: 'Error: no stock' },
      ]);
    });

    it('answers a request that it gives up with the RpcException that it throws', async () => {
      failures.set('a', [new RpcException({ status: 'error', message: 'not for sale' })]);
      await expect(ask('a', refunds)).rejects.toMatchObject({ message: 'not for sale' });
      expect((await leftIn(database)).handled).toEqual(['a']);
    });

    it('answers a request that was handled before with nothing', async () => {
      await ask('a');
      await expect(ask('a')).resolves.not.toEqual({ shipped: 'a' });
      expect(calls).toEqual(['a']);
      await handled('a');
    });
  });
});
