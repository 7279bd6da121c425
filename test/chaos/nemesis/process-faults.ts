import { setTimeout as sleep } from 'node:timers/promises';
import { LEASE_SECONDS, SESSION_SECONDS } from '../processes/parameters';
import type { Chance } from '../random';
import type { Member, Role } from '../stage/member';
import type { Stage } from '../stage/stage';
import { seconds, type Fault } from './fault';

const LOOK_EVERY_MS = 200;

/** One that is neither frozen nor down; as soon as there is one. */
async function someone(stage: Stage, role: Role, chance: Chance): Promise<Member> {
  for (;;) {
    const able = stage.of(role).filter(({ frozen, runs }) => runs && !frozen);
    if (able.length > 0) {
      return chance.pick(able);
    }
    await sleep(LOOK_EVERY_MS);
  }
}

function killed(role: Role): Fault {
  return {
    kind: `${role} killed (kill -9)`,
    repeats: role === 'relay',
    happen: async (stage, chance) => {
      const member = await someone(stage, role, chance);
      const { name } = member;
      await member.kill();
      await seconds(0, 2, chance);
      await member.start();
      return name;
    },
  };
}

function shutDown(role: Role): Fault {
  return {
    kind: `${role} shut down and started again`,
    repeats: role === 'relay',
    happen: async (stage, chance) => {
      const member = await someone(stage, role, chance);
      const { name } = member;
      const inTime = await member.stop();
      await seconds(0, 2, chance);
      await member.start();
      return inTime ? name : `${name}, which did not end in time`;
    },
  };
}

function frozen(role: Role, beyond: string, forSeconds: number): Fault {
  return {
    kind: `${role} frozen beyond its ${beyond} (SIGSTOP, SIGCONT)`,
    repeats: role === 'relay',
    alongside: true,
    happen: async (stage, chance) => {
      const member = await someone(stage, role, chance);
      await member.freeze();
      await seconds(forSeconds + 1, forSeconds + 4, chance);
      await member.thaw();
      return member.name;
    },
  };
}

const wentBack: Fault = {
  kind: 'consumer set back to offsets before',
  repeats: false,
  happen: async (stage, chance) => {
    const member = await someone(stage, 'consumer', chance);
    await member.goBack();
    return member.name;
  },
};

export const processFaults: readonly Fault[] = [
  killed('relay'),
  killed('relay'),
  killed('writer'),
  killed('consumer'),
  shutDown('relay'),
  shutDown('consumer'),
  frozen('relay', 'lease', LEASE_SECONDS),
  frozen('consumer', 'session', SESSION_SECONDS),
  wentBack,
];
