/**
 * A source of lanes, as `mine`, for a statement that takes what is due of one lane after the other until it has enough: so it reads no more than it
 * takes, whatever is due (to find the first due of all lanes, it would read the limit of each). Chance decides with which lane it begins, so that a
 * full one keeps none waiting.
 *
 * @param lanes the parameter with the array of lanes
 */
export const lanesInTurn = (lanes: string): string =>
  `(select lane from unnest(${lanes}::smallint[]) as l(lane) order by random()) as mine`;
