/** Takes one line, without its line end. */
export type Log = (line: string) => void;

/** Standard output belongs to the answer (see main.ts), so lines about progress go to standard error. */
export const logToStderr: Log = (line) => {
  process.stderr.write(`[parts] ${line}\n`);
};
