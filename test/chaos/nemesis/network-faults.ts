import type { FlakyProxy, Weather } from '../stage/flaky-proxy';
import type { Stage } from '../stage/stage';
import { seconds, type Fault } from './fault';

const proxies = {
  database: ({ databaseProxy }: Stage): FlakyProxy => databaseProxy,
  Kafka: ({ kafkaProxy }: Stage): FlakyProxy => kafkaProxy,
};

type Part = keyof typeof proxies;

function weather(part: Part, what: Weather, from: number, to: number): Fault {
  return {
    kind: `connections to ${part}: ${what}`,
    repeats: true,
    happen: async (stage, chance) => {
      const proxy = proxies[part](stage);
      proxy.become(what);
      if (what === 'refusing') {
        proxy.reset();
      }
      await seconds(from, to, chance);
      if (what === 'answers lost' || (what === 'silent' && chance.oneIn(2))) {
        proxy.reset();
      }
      proxy.become('fine');
      return 'all';
    },
  };
}

function reset(part: Part): Fault {
  return {
    kind: `connections to ${part} reset`,
    repeats: true,
    happen: (stage, chance) => {
      const number = proxies[part](stage).reset(() => chance.oneIn(2));
      return Promise.resolve(`${String(number)} of them`);
    },
  };
}

export const networkFaults: readonly Fault[] = [
  weather('database', 'slow', 2, 4),
  weather('database', 'silent', 2, 6),
  weather('database', 'answers lost', 0.2, 2),
  weather('database', 'refusing', 1, 3),
  reset('database'),
  weather('Kafka', 'slow', 2, 4),
  weather('Kafka', 'silent', 2, 6),
  weather('Kafka', 'answers lost', 0.2, 2),
  weather('Kafka', 'refusing', 1, 3),
  reset('Kafka'),
];
