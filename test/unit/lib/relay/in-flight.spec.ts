import { InFlight } from '../../../../lib/relay/in-flight';

describe('what is in flight', () => {
  let inFlight: InFlight;
  let log: string[];

  beforeEach(() => {
    inFlight = new InFlight();
    log = [];
  });

  const wait = (name: string): Promise<void> => inFlight.settled().then(() => void log.push(name));
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) {
      await Promise.resolve();
    }
  };

  it('is nothing at first', async () => {
    await expect(inFlight.settled()).resolves.toBeUndefined();
  });

  it('is waited for until all of it has ended', async () => {
    const [first, second] = [inFlight.begin(), inFlight.begin()];
    const waiting = wait('settled');
    second();
    await turns();
    expect(log).toEqual([]);
    first();
    await waiting;
    expect(log).toEqual(['settled']);
  });

  it('is not waited for where it begins later, so that a busy relay keeps nobody waiting for ever', async () => {
    const first = inFlight.begin();
    const waiting = wait('the first');
    inFlight.begin();
    first();
    await waiting;
    void wait('the second');
    await turns();
    expect(log).toEqual(['the first']);
  });

  it('may be ended twice', async () => {
    const [first] = [inFlight.begin(), inFlight.begin()];
    first();
    first();
    void wait('settled');
    await turns();
    expect(log).toEqual([]);
  });

  it('is waited for by several at once', async () => {
    const end = inFlight.begin();
    const both = Promise.all([wait('one'), wait('other')]);
    end();
    await both;
    expect(log).toEqual(['one', 'other']);
  });
});
