import { OutboxUpkeep } from '../../../../lib/upkeep/outbox-upkeep';
import { getUpkeepToken } from '../../../../lib/upkeep/upkeep-tokens';

describe('the token of an upkeep', () => {
  it('is the class itself for the default data source', () => {
    expect(getUpkeepToken()).toBe(OutboxUpkeep);
    expect(getUpkeepToken('default')).toBe(OutboxUpkeep);
  });

  it('is one of its own for each other data source', () => {
    expect(new Set([getUpkeepToken('a'), getUpkeepToken('b'), OutboxUpkeep]).size).toBe(3);
    expect(getUpkeepToken('a')).toBe(getUpkeepToken('a'));
  });
});
