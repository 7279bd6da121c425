import { execFile } from 'node:child_process';
import { mkdtemp, rmdir, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const SIZE_BYTES = 4 * 2 ** 30;
/** As it lies in memory: of what is used, and of no more. */
const FREE_MEMORY_BYTES = 1.5 * SIZE_BYTES;
const TRIES = 20;

/** A disk of its own for the database, in memory (tmpfs), that can be full from one moment to the next: by its limit, so that nothing else runs short. */
export class SmallDisk {
  private constructor(readonly path: string) {}

  /** @throws if that cannot be done here, with the reason */
  static async mount(): Promise<SmallDisk> {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) {
      throw new Error('only root can mount a small one, on Linux');
    }
    if (freemem() < FREE_MEMORY_BYTES) {
      throw new Error('too little memory is free');
    }
    const path = await mkdtemp(join(tmpdir(), 'nestjs-outboxed-chaos-disk-'));
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${String(SIZE_BYTES)},mode=0755`, 'nestjs-outboxed-chaos', path]);
    } catch (error) {
      await rmdir(path);
      throw error;
    }
    return new SmallDisk(path);
  }

  /** Leaves no room for anything more. */
  async fill(): Promise<void> {
    for (let tried = 1; ; tried++) {
      const { blocks, bfree, bsize } = await statfs(this.path);
      try {
        await this.resize((blocks - bfree) * bsize);
        return;
      } catch (error) {
        // It cannot be smaller than what has come in meanwhile.
        if (tried === TRIES) {
          throw error;
        }
      }
    }
  }

  async free(): Promise<void> {
    await this.resize(SIZE_BYTES);
  }

  async unmount(): Promise<void> {
    for (let tried = 1; ; tried++) {
      try {
        await run('umount', [this.path]);
        break;
      } catch (error) {
        // The last process of a server that has just ended may still have a file open.
        if (tried === TRIES) {
          throw error;
        }
        await sleep(100);
      }
    }
    await rmdir(this.path);
  }

  private async resize(bytes: number): Promise<void> {
    await run('mount', ['-o', `remount,size=${String(bytes)}`, this.path]);
  }
}
