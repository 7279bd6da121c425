/** What a keeper is told and what it tells: one JSON object a line, in on its stdin and out on its stdout. */

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface KeeperOptions {
  /** Where the keeper creates its temporary directory, and how the directory's name begins. */
  readonly parent: string;
  readonly prefix: string;
  /** Who owns the directory, if not the user that runs the keeper. */
  readonly owner?: Owner | undefined;
}

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Run as this user. */
  readonly owner?: Owner | undefined;
  /** The file in the keeper's directory that takes what the process prints. */
  readonly log: string;
  /** How the process is asked to end, and how long it may take before it is killed. */
  readonly stopSignal: NodeJS.Signals;
  readonly stopWithinMs: number;
}

export type KeeperRequest =
  | ({ readonly do: 'spawn'; readonly id: number } & Command)
  | { readonly do: 'signal'; readonly id: number; readonly signal: NodeJS.Signals };

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export type KeeperEvent =
  | { readonly event: 'ready'; readonly directory: string }
  | { readonly event: 'spawned'; readonly id: number; readonly pid: number }
  | { readonly event: 'failed'; readonly id: number; readonly message: string }
  | { readonly event: 'signalled'; readonly id: number }
  | ({ readonly event: 'exited'; readonly id: number } & Exit)
  | { readonly event: 'broken'; readonly message: string };
