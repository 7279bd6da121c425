import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigResourceTypes } from 'kafkajs';
import type { Stage } from '../stage/stage';
import { SMALL_LIMIT_BYTES, TOPICS, USUAL_LIMIT_BYTES } from '../topics';
import { seconds, type Fault } from './fault';

const SERVES_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 200;

function brokerEnds(kind: string, how: 'SIGKILL' | 'SIGTERM'): Fault {
  return {
    kind,
    repeats: true,
    happen: async ({ kafka }, chance) => {
      await kafka.kill(how);
      await seconds(0, 2, chance);
      await kafka.start();
      return 'the broker';
    },
  };
}

const databaseRestarted: Fault = {
  kind: 'database restarted (immediate mode)',
  repeats: true,
  happen: async ({ database }, chance) => {
    await database.kill('SIGQUIT');
    await seconds(0, 2, chance);
    await database.start();
    return 'the server';
  },
};

const backendsTerminated: Fault = {
  kind: 'backends terminated',
  repeats: true,
  happen: async (stage, chance) => {
    const backends = await stage.query<{ pid: number }>(
      `select pid from pg_stat_activity where application_name ~ '^(relay|writer|consumer)-' order by pid`,
    );
    const chosen = backends.filter(() => chance.oneIn(2)).map(({ pid }) => pid);
    await stage.query('select pg_terminate_backend(pid) from unnest($1::int[]) as pid', [chosen]);
    return `${String(chosen.length)} of ${String(backends.length)}`;
  },
};

/** The server may survive it, end its backends, or end; in the end it runs. */
const diskFull: Fault = {
  kind: 'disk of the database full',
  repeats: true,
  isPossible: ({ disk }) => disk !== undefined,
  happen: async (stage, chance) => {
    const { disk, database } = stage;
    await disk?.fill();
    await seconds(1, 3, chance);
    await disk?.free();
    const deadline = Date.now() + SERVES_WITHIN_MS;
    for (let ended = false; ;) {
      try {
        await stage.query('select 1');
        return ended ? 'the server, which ended' : 'the server';
      } catch (error) {
        if (Date.now() > deadline) {
          throw error;
        }
        if (database.pid === undefined) {
          ended = true;
          await database.start();
        }
        await sleep(LOOK_EVERY_MS);
      }
    }
  },
};

/** So that events are refused that are delivered later, and hold their keys meanwhile. */
const largerRefused: Fault = {
  kind: 'broker refuses larger records',
  repeats: true,
  happen: async (stage, chance) => {
    await limitTopics(stage, SMALL_LIMIT_BYTES);
    await seconds(1.5, 2.5, chance);
    await limitTopics(stage, USUAL_LIMIT_BYTES);
    return `those above ${String(SMALL_LIMIT_BYTES)} bytes`;
  },
};

async function limitTopics(stage: Stage, bytes: number): Promise<void> {
  await stage.admin((admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: TOPICS.map((name) => ({
        type: ConfigResourceTypes.TOPIC,
        name,
        configEntries: [
          { name: 'max.message.bytes', value: String(bytes) },
          // What is not named is set back.
          { name: 'message.timestamp.type', value: 'LogAppendTime' },
        ],
      })),
    }),
  );
}

export const partFaults: readonly Fault[] = [
  brokerEnds('broker killed (kill -9) and restarted', 'SIGKILL'),
  brokerEnds('broker stopped and restarted', 'SIGTERM'),
  databaseRestarted,
  backendsTerminated,
  diskFull,
  largerRefused,
];
