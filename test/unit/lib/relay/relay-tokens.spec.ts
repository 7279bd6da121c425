import { EventRelayWorker } from '../../../../lib/relay/event-relay.worker';
import { getRelayToken } from '../../../../lib/relay/relay-tokens';

describe('the token of a relay', () => {
  it('is the class itself for the default data source', () => {
    expect(getRelayToken()).toBe(EventRelayWorker);
    expect(getRelayToken('default')).toBe(EventRelayWorker);
  });

  it('is one of its own for each other data source', () => {
    expect(new Set([getRelayToken('a'), getRelayToken('b'), EventRelayWorker]).size).toBe(3);
    expect(getRelayToken('a')).toBe(getRelayToken('a'));
  });
});
