import { EventPattern, KafkaContext, MessagePattern } from '@nestjs/microservices';
import { nestCallOf, payloadAmong } from '../../../../lib/inbox/received-message';
import { aPayload } from '../support/an-inbox-message';

const payload = aPayload('e1');
const { topic, partition, message } = payload;

/** What Nest gives to a parameter with `@Ctx()`. */
const context = new KafkaContext([message, partition, topic] as unknown as ConstructorParameters<
  typeof KafkaContext
>[0]);

describe('the message that a call is about', () => {
  it.each([
    ['first', [context, { total: 12 }]],
    ['last', [{ total: 12 }, undefined, context]],
    ['alone', [context]],
  ])("is that of Nest's context, which stands %s", (_where, args) => {
    expect(payloadAmong(args)).toEqual(payload);
  });

  it('is the payload of eachMessage of kafkajs', () => {
    const full = { ...payload, heartbeat: jest.fn(), pause: jest.fn() };
    expect(payloadAmong([7, full])).toBe(full);
  });

  it("is that of Nest's context also where the data looks like a payload", () => {
    expect(payloadAmong([aPayload('of the data'), context])).toEqual(payload);
  });

  it.each<[string, unknown[]]>([
    ['nothing', []],
    ['data alone', [{ total: 12 }, 'text', 7, null, undefined]],
    ['the context of another transport', [{ getPattern: () => 'orders', getMessage: () => message }]],
    ['a message without its topic', [{ partition, message }]],
    ['a message without its partition', [{ topic, message }]],
    ['a payload without a message', [{ topic, partition }]],
    ['a payload without an offset', [{ topic, partition, message: { value: null } }]],
  ])('is not known from %s', (_what, args) => {
    expect(payloadAmong(args)).toBeUndefined();
  });
});

describe("a call of Nest's transport", () => {
  class Handlers {
    @EventPattern('orders')
    onEvent(..._args: unknown[]): void {}

    @MessagePattern('orders')
    onRequest(): void {}

    plain(): void {}
  }
  const { onEvent, onRequest, plain } = Handlers.prototype;
  const REQUEST = { kafka_correlationId: Buffer.from('c1'), kafka_replyTopic: Buffer.from('replies') };
  const contextOf = (headers: object | undefined): KafkaContext =>
    new KafkaContext([{ ...message, headers }, partition, topic] as unknown as ConstructorParameters<
      typeof KafkaContext
    >[0]);

  it('is a request where somebody waits for the answer', () => {
    expect(nestCallOf(onRequest, [contextOf(REQUEST)])).toBe('request');
    expect(nestCallOf(plain, [{ total: 12 }, contextOf(REQUEST)])).toBe('request');
  });

  it.each([
    ['no headers', undefined],
    ['no header of a request', {}],
    ['no topic for the reply', { ...REQUEST, kafka_replyTopic: null }],
    ['no number for the reply', { kafka_replyTopic: REQUEST.kafka_replyTopic }],
  ])('is an event where the message has %s', (_what, headers) => {
    expect(nestCallOf(onRequest, [contextOf(headers)])).toBe('event');
  });

  it('is an event for a handler of events, also where somebody waits for the answer of another one', () => {
    expect(nestCallOf(onEvent, [contextOf(REQUEST)])).toBe('event');
  });

  it('is an event for a handler that does not take the context', () => {
    expect(nestCallOf(onEvent, [{ total: 12 }])).toBe('event');
    expect(nestCallOf(onRequest, [])).toBe('event');
  });

  it('is none where kafkajs has called, or a test', () => {
    expect(nestCallOf(plain, [payload])).toBeUndefined();
    expect(nestCallOf(onEvent, [payload])).toBeUndefined();
    expect(nestCallOf(plain, [])).toBeUndefined();
  });
});
