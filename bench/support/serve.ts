import type { Program, Reply, Request } from './protocol';

/** The child's end of child.ts: answers until the channel closes, which is when whoever started it is gone. */
export function serve(program: Program): void {
  process.on('message', (request: Request) => void answer(program, request));
  process.on('disconnect', () => process.exit(1));
}

async function answer(program: Program, { id, name, argument }: Request): Promise<void> {
  let reply: Reply;
  try {
    reply = { id, answer: await program[name]?.(argument as never) };
  } catch (error) {
    reply = { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  if (process.connected) {
    process.send?.(reply);
  }
}
