export interface ChaosArguments {
  readonly seconds: number;
  readonly seed: number;
  readonly json: boolean;
  readonly eventsPerSecond: number;
  /** Without faults nothing may be delivered twice. */
  readonly faults: boolean;
  /** Only faults whose description holds this. */
  readonly only: string;
  /** Whether to keep the history also where nothing was found. */
  readonly keep: boolean;
  /** A history that was kept, to be checked again. */
  readonly check: string | undefined;
}

/** Its message is for whoever gave them. */
export class ChaosArgumentsError extends Error {}

const USAGE =
  'npm run chaos -- [--seconds <n>] [--seed <n>] [--rate <events per second>] [--no-faults | --only <words of a fault>] [--keep] [--json] | --check <folder>';

/**
 * @param freshSeed where none is given
 * @param kinds of faults that there are
 * @throws ChaosArgumentsError that says which argument is wrong
 */
export function parseArguments(given: readonly string[], freshSeed: number, kinds: readonly string[]): ChaosArguments {
  const numbers = { '--seconds': 60, '--seed': freshSeed, '--rate': 500 };
  const flags = new Set<string>();
  let only = '';
  let check: string | undefined;
  for (let place = 0; place < given.length; place++) {
    const argument = given[place] ?? '';
    if (argument === '--json' || argument === '--no-faults' || argument === '--keep') {
      flags.add(argument);
    } else if (argument === '--only') {
      only = given[++place] ?? '';
      if (!kinds.some((kind) => kind.includes(only))) {
        throw new ChaosArgumentsError(`--only: no fault is called "${only}"; there are\n  ${kinds.join('\n  ')}`);
      }
    } else if (argument === '--check') {
      check = given[++place];
      if (check === undefined) {
        throw new ChaosArgumentsError(`--check needs the folder of a history that was kept; use: ${USAGE}`);
      }
    } else if (argument in numbers) {
      const value = given[++place] ?? '';
      if (!/^\d{1,10}$/.test(value) || (argument !== '--seed' && Number(value) === 0)) {
        throw new ChaosArgumentsError(`${argument} needs a whole number, not "${value}"; use: ${USAGE}`);
      }
      numbers[argument as keyof typeof numbers] = Number(value);
    } else {
      throw new ChaosArgumentsError(`${argument} is not an argument; use: ${USAGE}`);
    }
  }
  return {
    seconds: numbers['--seconds'],
    seed: numbers['--seed'],
    eventsPerSecond: numbers['--rate'],
    json: flags.has('--json'),
    faults: !flags.has('--no-faults'),
    keep: flags.has('--keep'),
    only,
    check,
  };
}
