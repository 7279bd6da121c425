import { quantile } from './statistics';

export interface Contender {
  readonly name: string;
  /** Does its work once, and returns the figure. */
  measure(): Promise<number>;
}

export interface RoundOptions {
  readonly rounds: number;
  /** Takes the figures of each round. */
  readonly log: (line: string) => void;
  /** Whether a round comes first that does not count: for contenders that have not done their work before. */
  readonly warmUp: boolean;
}

/**
 * Runs contenders by turns, so that a machine that slows down for a while slows all of them; each round begins with another one. Returns the
 * figures of each, round by round.
 */
export async function alternate(
  contenders: readonly Contender[],
  { rounds, log, warmUp }: RoundOptions,
): Promise<number[][]> {
  const figures: number[][] = contenders.map(() => []);
  const warmUps = warmUp ? 1 : 0;
  for (let round = -warmUps; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const index = (round + warmUps + turn) % contenders.length;
      const figure = await contenders[index]?.measure();
      if (round >= 0 && figure !== undefined) {
        figures[index]?.push(figure);
      }
    }
    const last = contenders.map(({ name }, index) => `${name} ${String(Math.round(figures[index]?.at(-1) ?? 0))}`);
    log(round < 0 ? 'warmed up' : `round ${String(round + 1)} of ${String(rounds)}: ${last.join(', ')}`);
  }
  return figures;
}

/** As "12345/s", of the median. */
export function perSecond(figures: readonly number[] | undefined): string {
  return `${quantile(figures ?? [], 0.5).toFixed(0)}/s`;
}
