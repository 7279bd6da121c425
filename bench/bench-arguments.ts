export interface BenchArguments {
  readonly quick: boolean;
  readonly json: boolean;
  /** What to measure, by name; in the order of the measures. */
  readonly only: readonly string[];
}

/** Its message is for whoever gave them. */
export class BenchArgumentsError extends Error {}

/** @throws BenchArgumentsError that says which argument is wrong, and what there is */
export function parseArguments(given: readonly string[], names: readonly string[]): BenchArguments {
  const usage = `use: npm run bench -- [--quick] [--json] [--only <${names.join('|')}>[,...]]`;
  let quick = false;
  let json = false;
  let only: readonly string[] = names;
  for (let place = 0; place < given.length; place++) {
    const argument = given[place] ?? '';
    if (argument === '--quick') {
      quick = true;
    } else if (argument === '--json') {
      json = true;
    } else if (argument === '--only' || argument.startsWith('--only=')) {
      const value = argument === '--only' ? given[++place] : argument.slice('--only='.length);
      const asked = (value ?? '').split(',').filter((name) => name !== '');
      const unknown = asked.find((name) => !names.includes(name));
      if (unknown !== undefined) {
        throw new BenchArgumentsError(`--only: nothing is called ${unknown}; there are ${names.join(', ')}`);
      }
      if (asked.length === 0) {
        throw new BenchArgumentsError(`--only needs at least one of ${names.join(', ')}`);
      }
      only = names.filter((name) => asked.includes(name));
    } else {
      throw new BenchArgumentsError(`${argument} is not an argument; ${usage}`);
    }
  }
  return { quick, json, only };
}
