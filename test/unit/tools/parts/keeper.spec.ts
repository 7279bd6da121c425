import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Keeper } from '../../../../tools/parts/keeper/keeper';
import type { Command, KeeperRequest } from '../../../../tools/parts/keeper/protocol';

const SCRIPT = resolve(__dirname, '../../../../tools/parts/keeper/keeper-process.cjs');
const PREFIX = 'keeper-spec-';

function idle(script = ''): Command {
  const args = ['-e', `${script}; console.log("up"); setInterval(() => {}, 1e9)`];
  return { command: process.execPath, args, log: 'idle.log', stopSignal: 'SIGTERM', stopWithinMs: 700 };
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function eventually(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !holds(); await sleep(20)) {
    if (Date.now() > end) throw new Error(`still not so: ${holds.toString()}`);
  }
}

describe('a keeper', () => {
  const keepers: Keeper[] = [];
  const open = async (): Promise<Keeper> => {
    const keeper = await Keeper.open({ parent: tmpdir(), prefix: PREFIX });
    keepers.push(keeper);
    return keeper;
  };
  afterEach(() => Promise.all(keepers.splice(0).map((keeper) => keeper.close())));

  it('runs processes in its directory and takes what they print', async () => {
    const keeper = await open();
    const ran = await keeper.spawn({ ...idle(), args: ['-e', 'console.log(process.cwd()); process.exitCode = 3'] });
    await expect(ran.exited).resolves.toMatchObject({ code: 3, signal: null });
    expect((await keeper.output('idle.log')).trim()).toBe(realpathSync(keeper.directory));
  });

  it('ends its processes and removes its directory when it is closed', async () => {
    const keeper = await open();
    const kept = await keeper.spawn(idle());
    await keeper.close();
    await keeper.close();
    expect([lives(kept.pid), kept.running, existsSync(keeper.directory)]).toEqual([false, false, false]);
    await expect(keeper.spawn(idle())).rejects.toThrow('gone');
  });

  it('kills a process that does not end when asked, and one that was held', async () => {
    const keeper = await open();
    const stubborn = await keeper.spawn(idle('process.on("SIGTERM", () => {})'));
    const held = await keeper.spawn(idle());
    await eventually(() => existsSync(join(keeper.directory, 'idle.log')));
    await held.signal('SIGSTOP');
    await keeper.close();
    expect([lives(stubborn.pid), lives(held.pid)]).toEqual([false, false]);
  });

  it('outlives its process, reports the end of it and can start another', async () => {
    const keeper = await open();
    const first = await keeper.spawn(idle());
    process.kill(first.pid, 'SIGKILL');
    await expect(first.exited).resolves.toMatchObject({ signal: 'SIGKILL' });
    await first.signal('SIGTERM'); // goes nowhere: the pid may be somebody else's by now
    const second = await keeper.spawn(idle());
    expect(second.running).toBe(true);
  });

  it('reports a program that is not there', async () => {
    const keeper = await open();
    await expect(keeper.spawn({ ...idle(), command: '/no/such/program' })).rejects.toThrow('ENOENT');
  });

  it('says why it cannot make its directory', async () => {
    await expect(Keeper.open({ parent: '/no/such/folder', prefix: PREFIX })).rejects.toThrow('no such file');
  });

  it('is not ended by Ctrl-C', async () => {
    const keeper = await open();
    process.kill(Number(keeper.pid), 'SIGINT');
    expect((await keeper.spawn(idle())).running).toBe(true);
  });

  it('leaves nothing running when it is killed itself', async () => {
    const keeper = await open();
    const kept = await keeper.spawn(idle());
    process.kill(Number(keeper.pid), 'SIGKILL');
    await eventually(() => !kept.running && !existsSync(keeper.directory));
    await eventually(() => !lives(kept.pid));
  });

  it('ends everything when the process that started it is killed', async () => {
    const { id, ...command } = { id: 1, ...idle() };
    const request: KeeperRequest = { do: 'spawn', id, ...command };
    const parent = spawn(process.execPath, ['-e', PARENT, SCRIPT, tmpdir(), PREFIX, JSON.stringify(request)]);
    const lines = createInterface({ input: parent.stdout });
    const heard: string[] = [];
    lines.on('line', (line) => heard.push(line));
    await eventually(() => heard.length >= 2);
    const { directory } = JSON.parse(String(heard[0])) as { directory: string };
    const { pid } = JSON.parse(String(heard[1])) as { pid: number };
    expect([lives(pid), existsSync(directory)]).toEqual([true, true]);

    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await eventually(() => !lives(pid) && !existsSync(directory));
  });

  afterAll(async () => {
    expect((await readdir(tmpdir())).filter((name) => name.startsWith(PREFIX))).toEqual([]);
  });
});

/** A process of its own that starts a keeper, makes it start a process, and passes on what it hears. */
const PARENT = `
  const [script, parent, prefix, request] = process.argv.slice(1);
  const keeper = require('node:child_process').spawn(process.execPath, [script, JSON.stringify({ parent, prefix })], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  keeper.stdout.pipe(process.stdout);
  keeper.stdin.write(request + '\\n');
`;
