import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// Plain JavaScript, as it runs before anything is installed.
const { withLock } = jest.requireActual<{ withLock: (root: string, work: () => Promise<void>) => Promise<void> }>(
  '../../../../tools/prepare/lock.cjs',
);
const { nodeFault } = jest.requireActual<{ nodeFault: (version: string) => string | undefined }>(
  '../../../../tools/prepare/node-version.cjs',
);

describe('preparing', () => {
  it.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0'])('accepts Node %s', (version) => {
    expect(nodeFault(version)).toBeUndefined();
  });

  it.each(['20.18.3', '18.20.0', '4.0.0'])('refuses Node %s', (version) => {
    expect(nodeFault(version)).toContain(`runs on ${version}`);
  });

  it('happens one at a time in a checkout', async () => {
    const checkout = mkdtempSync(join(tmpdir(), 'nestjs-outboxed-lock-'));
    const seen: string[] = [];
    const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    const work = (name: string) => async (): Promise<void> => {
      seen.push(`${name} begins`);
      await sleep(50);
      seen.push(`${name} ends`);
    };
    await Promise.all([withLock(checkout, work('one')), withLock(checkout, work('two'))]);
    expect(seen).toEqual(['one begins', 'one ends', 'two begins', 'two ends']);
    expect(stderr).toHaveBeenCalledTimes(1);
    rmSync(checkout, { recursive: true });
  });

  it('does not keep the lock when it fails', async () => {
    const checkout = mkdtempSync(join(tmpdir(), 'nestjs-outboxed-lock-'));
    await expect(withLock(checkout, () => Promise.reject(new Error('no network')))).rejects.toThrow('no network');
    await expect(withLock(checkout, () => Promise.resolve())).resolves.toBeUndefined();
    rmSync(checkout, { recursive: true });
  });
});
