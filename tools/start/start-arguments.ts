/** The command line of `npm start`, as arguments.cjs reads it. */
export interface StartArguments {
  /** Null: run the shop for a person. */
  readonly orders: number | null;
  readonly json: boolean;
  readonly help: boolean;
}
