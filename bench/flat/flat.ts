import { rounded, type Bench, type Measured } from '../support/measure';
import { backlogFlatness } from './backlog';
import { disturbedFlatness } from './parked-and-held';

/** Whether the relay is as fast with much in its way as with little. */
export async function flat(bench: Bench): Promise<Measured> {
  const backlog = await backlogFlatness(bench);
  const { parked, held } = await disturbedFlatness(bench);
  return {
    figures: [backlog, parked, held],
    json: {
      flat: {
        backlog: rounded(backlog.summary.median),
        parked: rounded(parked.summary.median),
        held: rounded(held.summary.median),
      },
    },
  };
}
