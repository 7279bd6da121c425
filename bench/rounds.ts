/** Runs contenders by turns, so that a machine that slows down for a while slows all of them, and compares within the run. */
export interface Contender {
  readonly name: string;
  /** Does the work for about `milliseconds`; returns how much was done a second. */
  measure(milliseconds: number): Promise<number>;
}

export interface Comparison {
  /** Medians of the rates, by contender. */
  readonly rates: readonly number[];
  /** First contender over the second, round by round: the median, and the middle half. */
  readonly ratio: number;
  readonly spread: readonly [number, number];
}

export async function compare(
  [first, second]: readonly [Contender, Contender],
  { rounds, milliseconds }: { rounds: number; milliseconds: number },
): Promise<Comparison> {
  const rates: [number[], number[]] = [[], []];
  // The first turn of each is for warming up.
  for (let round = -1; round < rounds; round++) {
    const order = round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
    for (const index of order) {
      const rate = await (index === 0 ? first : second).measure(milliseconds);
      if (round >= 0) {
        rates[index].push(rate);
      }
    }
  }
  const ratios = rates[0].map((rate, round) => rate / (rates[1][round] ?? NaN));
  return {
    rates: rates.map((all) => quantile(all, 0.5)),
    ratio: quantile(ratios, 0.5),
    spread: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
  };
}

function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * at;
  const low = sorted[Math.floor(place)] ?? NaN;
  const high = sorted[Math.ceil(place)] ?? NaN;
  return low + (high - low) * (place - Math.floor(place));
}
