import { KafkaContext } from '@nestjs/microservices';
import { receivedAmong } from '../../../../lib/inbox/received-message';
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
    expect(receivedAmong(args)).toEqual({ payload, fromNest: true });
  });

  it('is the payload of eachMessage of kafkajs', () => {
    const full = { ...payload, heartbeat: jest.fn(), pause: jest.fn() };
    expect(receivedAmong([7, full])).toEqual({ payload: full, fromNest: false });
    expect(receivedAmong([full])?.payload).toBe(full);
  });

  it("is that of Nest's context also where the data looks like a payload", () => {
    expect(receivedAmong([aPayload('of the data'), context])).toEqual({ payload, fromNest: true });
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
    expect(receivedAmong(args)).toBeUndefined();
  });
});
