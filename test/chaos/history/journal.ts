import { openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A file to which a process adds lines. What was written is with the operating system, so that a kill -9 of the process takes nothing away. */
export class Journal<Line> {
  private readonly file: number;

  constructor(path: string) {
    this.file = openSync(path, 'a');
  }

  write(line: Line): void {
    writeSync(this.file, `${JSON.stringify(line)}\n`);
  }
}

/** The lines of all journals in the folder whose name begins so. A line that was cut off by a kill is left out. */
export function* journalLines<Line>(folder: string, beginning: string): Generator<Line> {
  for (const name of readdirSync(folder).sort()) {
    if (name.startsWith(beginning)) {
      const lines = readFileSync(join(folder, name), 'utf8').split('\n');
      // What follows the last line break is empty, or was cut off.
      for (const line of lines.slice(0, -1)) {
        yield JSON.parse(line) as Line;
      }
    }
  }
}
