import { EventEmitter } from 'node:events';
import { Body, Controller, Get, Injectable, Param, Post, Query, Scope } from '@nestjs/common';
import {
  EventPattern,
  MessagePattern,
  Payload,
  Server,
  type CustomTransportStrategy,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { Cron, Interval, ScheduleModule } from '@nestjs/schedule';
import { InjectRepository } from '@nestjs/typeorm';
import {
  InjectTransactions,
  Outboxed,
  OutboxRepository,
  OutboxTransactionRequiredError,
  OutboxTransactions,
} from 'nestjs-outboxed';
import { firstValueFrom, isObservable } from 'rxjs';
import type { Repository } from 'typeorm';
import type { AddressInfo } from 'node:net';
import { eventually } from '../support/eventually';
import { Item } from '../support/item.entity';
import { anEvent } from '../support/outbox-app';
import { both, TransactionSuite } from '../support/transaction-suite';

@Injectable()
class Items {
  constructor(
    @InjectRepository(Item) readonly items: Repository<Item>,
    readonly outbox: OutboxRepository,
  ) {}

  async write(id: string, failure?: string): Promise<string> {
    await this.items.save({ id });
    await this.outbox.addEvent(anEvent({ aggregateId: id }));
    if (failure !== undefined) {
      throw new Error(failure);
    }
    return id;
  }
}

describe('In an HTTP application', () => {
  @Controller('items')
  class ItemsController {
    constructor(private readonly items: Items) {}

    @Post()
    @Outboxed()
    async below(@Body() body: { id: string }, @Query('failure') failure?: string): Promise<{ id: string }> {
      return { id: await this.items.write(body.id, failure) };
    }

    @Outboxed()
    @Post('above/:id')
    async above(@Param('id') id: string, @Query('failure') failure?: string): Promise<{ id: string }> {
      return { id: await this.items.write(id, failure) };
    }

    @Get('active')
    active(): boolean {
      return this.transactions.active;
    }

    @InjectTransactions()
    private readonly transactions!: OutboxTransactions;
  }

  /** A service that exists once for each request. */
  @Injectable({ scope: Scope.REQUEST })
  class PerRequest {
    static made = 0;
    constructor(private readonly items: Items) {
      PerRequest.made++;
    }

    @Outboxed()
    async write(id: string, failure?: string): Promise<string> {
      return this.items.write(id, failure);
    }
  }

  @Controller('per-request')
  class PerRequestController {
    constructor(private readonly service: PerRequest) {}

    @Post(':id')
    async post(@Param('id') id: string, @Query('failure') failure?: string): Promise<{ id: string }> {
      return { id: await this.service.write(id, failure) };
    }
  }

  const suite = TransactionSuite.declare({
    controllers: [ItemsController, PerRequestController],
    providers: [Items, PerRequest],
  });
  let url: string;
  let close: () => Promise<void>;

  beforeAll(async () => {
    const application = suite.app.module.createNestApplication();
    await application.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${String((application.getHttpServer() as { address(): AddressInfo }).address().port)}`;
    close = () => application.close();
  });
  // Closes the application with its data source; the suite then finds it closed.
  afterAll(() => close?.());

  const post = async (path: string, body: unknown = {}): Promise<[number, unknown]> => {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return [response.status, await response.json()];
  };

  it('a handler runs in a transaction, whichever of its decorators stands first', async () => {
    expect(await post('/items', { id: 'http-below' })).toEqual([201, { id: 'http-below' }]);
    expect(await post('/items/above/http-above')).toEqual([201, { id: 'http-above' }]);
    expect(await suite.stored('http-')).toEqual(both('http-above', 'http-below'));
  });

  it('a handler that fails is rolled back', async () => {
    expect((await post('/items?failure=no', { id: 'failed-below' }))[0]).toBe(500);
    expect((await post('/items/above/failed-above?failure=no'))[0]).toBe(500);
    expect((await post('/per-request/failed-request?failure=no'))[0]).toBe(500);
    expect(await suite.stored('failed-')).toEqual(both());
  });

  it('a request-scoped service has a transaction for each request', async () => {
    const ids = Array.from({ length: 12 }, (_, n) => `request-${String(n).padStart(2, '0')}`);
    await Promise.all(ids.map((id, n) => post(`/per-request/${id}${n % 2 === 0 ? '' : '?failure=no'}`)));
    expect(await suite.stored('request-')).toEqual(both(...ids.filter((_, n) => n % 2 === 0)));
    expect(PerRequest.made).toBeGreaterThanOrEqual(12);
  });

  it('a request that follows one is in no transaction', async () => {
    await post('/items', { id: 'before-active' });
    expect(await (await fetch(`${url}/items/active`)).json()).toBe(false);
  });
});

describe('In a microservice', () => {
  /** Hands messages to the handlers in this process, through all that Nest does for a message. */
  class InProcessServer extends Server implements CustomTransportStrategy {
    listen(callback: () => void): void {
      callback();
    }
    close(): void {}
    on(): never {
      throw new Error('not supported');
    }
    unwrap(): never {
      throw new Error('not supported');
    }
    async deliver(pattern: string, data: unknown): Promise<unknown> {
      const handler = this.getHandlerByPattern(pattern);
      if (handler === null) {
        throw new Error(`no handler of ${pattern}`);
      }
      const result: unknown = await handler(data, {});
      return isObservable(result) ? firstValueFrom(result, { defaultValue: undefined }) : result;
    }
  }

  @Controller()
  class ItemsConsumer {
    constructor(private readonly items: Items) {}

    @EventPattern('item.below')
    @Outboxed()
    async below(@Payload() { id, failure }: { id: string; failure?: string }): Promise<string> {
      return this.items.write(id, failure);
    }

    @Outboxed()
    @EventPattern('item.above')
    async above(@Payload() { id, failure }: { id: string; failure?: string }): Promise<string> {
      return this.items.write(id, failure);
    }

    @MessagePattern('item.asked')
    @Outboxed({
      topic: 'items',
      aggregateType: 'item',
      eventType: 'ItemAsked',
      aggregateId: (item: Item) => `asked-event-${item.id}`,
    })
    async asked(@Payload() { id }: { id: string }): Promise<Item> {
      return this.items.items.save({ id, note: 'asked' });
    }
  }

  const suite = TransactionSuite.declare({ controllers: [ItemsConsumer], providers: [Items] });
  const server = new InProcessServer();
  let close: () => Promise<void>;

  beforeAll(async () => {
    const options: MicroserviceOptions = { strategy: server };
    const microservice = suite.app.module.createNestMicroservice(options);
    await microservice.listen();
    close = () => microservice.close();
  });
  afterAll(() => close?.());

  it('a handler runs in a transaction, whichever of its decorators stands first', async () => {
    await server.deliver('item.below', { id: 'message-below' });
    await server.deliver('item.above', { id: 'message-above' });
    expect(await suite.stored('message-')).toEqual(both('message-above', 'message-below'));
  });

  it('a handler that fails is rolled back', async () => {
    for (const pattern of ['item.below', 'item.above']) {
      await server.deliver(pattern, { id: `failed-${pattern}`, failure: 'no' }).catch(() => undefined);
    }
    expect(await suite.stored('failed-')).toEqual(both());
  });

  it('a handler answers, and its declared event is added', async () => {
    expect(await server.deliver('item.asked', { id: 'question' })).toMatchObject({ id: 'question', note: 'asked' });
    expect((await suite.stored('asked-event-')).events).toEqual(['asked-event-question']);
  });
});

describe('In a scheduled job', () => {
  @Injectable()
  class Jobs {
    constructor(private readonly items: Items) {}
    private runs = { cron: 0, interval: 0 };

    @Cron('* * * * * *')
    @Outboxed()
    async cron(): Promise<string> {
      const run = ++this.runs.cron;
      return this.items.write(`cron-${String(run)}`, run === 1 ? 'the first run fails' : undefined);
    }

    @Outboxed()
    @Interval(20)
    async interval(): Promise<string> {
      const run = ++this.runs.interval;
      return this.items.write(`interval-${String(run)}-`, run % 2 === 1 ? 'every other run fails' : undefined);
    }
  }

  const suite = TransactionSuite.declare({ imports: [ScheduleModule.forRoot()], providers: [Items, Jobs] });

  it('each run has its own transaction, whichever decorator stands first', async () => {
    const { events } = await eventually('two good runs of each job', async () => {
      const [cron, interval] = [await suite.stored('cron-'), await suite.stored('interval-')];
      return cron.events.length > 0 && interval.events.length > 1 && { events: [...cron.events, ...interval.events] };
    });
    expect(events).toContain('cron-2');
    expect(events).toContain('interval-2-');
    expect(events).not.toContain('cron-1');
    expect(events.filter((id) => /^interval-\d*[13579]-/.test(id))).toEqual([]);
    expect((await suite.stored('cron-1')).rows).toEqual([]);
  });
});

describe('In a queue', () => {
  type Job = { work: () => Promise<void>; done: (error?: unknown) => void };

  /** As queues of old: the worker takes jobs from a timer, which knows nothing of who has added them. */
  class CallbackQueue {
    private readonly jobs: Job[] = [];
    private readonly timer = setInterval(() => {
      for (const { work, done } of this.jobs.splice(0)) {
        work().then(() => done(), done);
      }
    }, 1);

    push(work: Job['work'], done: Job['done']): void {
      this.jobs.push({ work, done });
    }

    stop(): void {
      clearInterval(this.timer);
    }
  }

  @Injectable()
  class Worker {
    constructor(private readonly items: Items) {}

    @Outboxed()
    async handle(id: string, failure?: string): Promise<void> {
      await this.items.write(id, failure);
    }
  }

  const queue = new CallbackQueue();
  const suite = TransactionSuite.declare({ providers: [Items, Worker] });
  afterAll(() => queue.stop());

  const queued = (work: Job['work']): Promise<void> =>
    new Promise((resolve, reject) => {
      queue.push(work, (error) => (error instanceof Error ? reject(error) : resolve()));
    });

  it('a job whose context was lost cannot add an event: an error, not a silent commit of its own', async () => {
    await suite.app.transactions.run(async () => {
      await suite.write('lost-1');
      const job = queued(async () => {
        await suite.writers.addEvent('lost-2');
      });
      await expect(job).rejects.toBeInstanceOf(OutboxTransactionRequiredError);
    });
    expect(await suite.stored('lost')).toEqual(both('lost-1'));
  });

  it('a job may be bound to the transaction that has added it', async () => {
    const failure = new Error('no stock');
    const withJob = (id: string, fail: boolean): Promise<void> =>
      suite.app.dataSource.transaction(async (manager) => {
        await suite.write(`${id}-1`);
        await queued(() => suite.app.transactions.bind({ manager }, () => suite.write(`${id}-2`)));
        if (fail) {
          throw failure;
        }
      });
    await withJob('job-kept', false);
    await expect(withJob('job-lost', true)).rejects.toBe(failure);
    expect(await suite.stored('job-')).toEqual(both('job-kept-1', 'job-kept-2'));
  });

  it('a job with a method of its own has a transaction of its own', async () => {
    const worker = suite.app.module.get(Worker);
    await queued(() => worker.handle('own-1'));
    await expect(queued(() => worker.handle('own-2', 'no'))).rejects.toThrow('no');
    expect(await suite.stored('own')).toEqual(both('own-1'));
  });

  it('a listener of an event emitter is in the transaction of who emits', async () => {
    const emitter = new EventEmitter();
    let listening: Promise<void> | undefined;
    emitter.on('placed', (id: string) => {
      listening = suite.write(id);
    });
    const failure = new Error('no stock');
    await expect(
      suite.app.transactions.run(async () => {
        emitter.emit('placed', 'emitted');
        await listening;
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await suite.stored('emitted')).toEqual(both());
  });
});
