/** What a child program can be asked to do: one argument in, an answer out, both as JSON carries them. */
export type Program = Readonly<Record<string, (argument: never) => unknown>>;

export type ArgumentOf<P extends Program, Name extends keyof P> = Parameters<P[Name]> extends [infer A] ? A : undefined;
export type AnswerOf<P extends Program, Name extends keyof P> = Awaited<ReturnType<P[Name]>>;

export interface Request {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

export type Reply = { readonly id: number; readonly answer: unknown } | { readonly id: number; readonly error: string };
