import { ensureTopic } from '../../../sample-app/src/kafka/ensure-topic';
import { TopicMaker } from '../../../sample-app/src/kafka/topic-maker';

jest.mock('../../../sample-app/src/kafka/ensure-topic');
const ensuring = jest.mocked(ensureTopic);

describe('the topic that the relay of the sample needs', () => {
  const topic = { clientId: 'shop-relay', brokers: ['localhost:9092'], topic: 'orders', partitions: 6 };
  const noBroker = new Error('no broker');

  beforeEach(() => ensuring.mockReset().mockResolvedValue());

  it('is made before anything is delivered', async () => {
    const maker = new TopicMaker(topic);
    await maker.onModuleInit();
    expect(ensuring.mock.calls).toEqual([[topic]]);
    await maker.beforeApplicationShutdown();
  });

  it('does not keep the relay from starting while the broker is away, and is made when it is there', async () => {
    let made = (): void => undefined;
    const isMade = new Promise<void>((resolve) => (made = resolve));
    ensuring.mockRejectedValueOnce(noBroker).mockRejectedValueOnce(noBroker);
    ensuring.mockImplementationOnce(() => Promise.resolve(made()));
    const maker = new TopicMaker(topic);
    await maker.onModuleInit();
    expect(ensuring).toHaveBeenCalledTimes(1);
    await isMade;
    await maker.beforeApplicationShutdown();
    expect(ensuring).toHaveBeenCalledTimes(3);
  });

  it('is not waited for any longer when the relay ends', async () => {
    ensuring.mockRejectedValue(noBroker);
    const maker = new TopicMaker(topic);
    await maker.onModuleInit();
    await maker.beforeApplicationShutdown();
    expect(ensuring).toHaveBeenCalledTimes(1);
  });
});
