import type { KafkaMessage } from 'kafkajs';
import type { Repository } from 'typeorm';
import type { Chance } from '../random';
import type { Effect } from './effect.entity';

/** Of how many calls one fails: of those with one message, after each of which kafkajs pauses, and of those with several. */
const ONE_FAILS_IN = 1000;
const SEVERAL_FAIL_IN = 30;

/** The handler of a consumer, as an application would write it: it knows nothing of the inbox. Now and then it fails when all is written. */
export class EffectHandler {
  constructor(
    private readonly effects: Repository<Effect>,
    private readonly doneBy: string,
    private readonly chance: Chance,
  ) {}

  async handle(messages: readonly KafkaMessage[]): Promise<void> {
    await this.effects.insert(
      messages.map(({ headers }) => ({ eventId: String(headers?.['ce_id']), doneBy: this.doneBy })),
    );
    if (this.chance.oneIn(messages.length === 1 ? ONE_FAILS_IN : SEVERAL_FAIL_IN)) {
      throw new Error('the handler fails on purpose');
    }
  }
}
