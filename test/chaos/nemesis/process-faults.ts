import { LEASE_SECONDS } from '../processes/parameters';
import type { Chance } from '../random';
import type { Member, Role } from '../stage/member';
import type { Stage } from '../stage/stage';
import { seconds, type Fault } from './fault';

/** One that is neither frozen nor down. */
function someone(stage: Stage, role: Role, chance: Chance): Member {
  return chance.pick(stage.of(role).filter(({ frozen, runs }) => runs && !frozen));
}

function killed(role: Role): Fault {
  return {
    kind: `${role} killed (kill -9)`,
    repeats: role === 'relay',
    happen: async (stage, chance) => {
      const member = someone(stage, role, chance);
      const { name } = member;
      await member.kill();
      await seconds(0, 2, chance);
      await member.start();
      return name;
    },
  };
}

const shutDown: Fault = {
  kind: 'relay shut down and started again',
  repeats: true,
  happen: async (stage, chance) => {
    const member = someone(stage, 'relay', chance);
    const { name } = member;
    const inTime = await member.stop();
    await seconds(0, 2, chance);
    await member.start();
    return inTime ? name : `${name}, which did not end in time`;
  },
};

const frozen: Fault = {
  kind: 'relay frozen beyond its lease (SIGSTOP, SIGCONT)',
  repeats: true,
  alongside: true,
  happen: async (stage, chance) => {
    const member = someone(stage, 'relay', chance);
    await member.freeze();
    await seconds(LEASE_SECONDS + 1, LEASE_SECONDS + 4, chance);
    await member.thaw();
    return member.name;
  },
};

export const processFaults: readonly Fault[] = [
  killed('relay'),
  killed('relay'),
  killed('writer'),
  killed('consumer'),
  shutDown,
  frozen,
];
