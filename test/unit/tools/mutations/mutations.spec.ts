import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { applyChange } from '../../../../tools/mutations/apply';
import { mutations } from '../../../../tools/mutations/mutations';

const root = join(__dirname, '../../../..');

describe('Taking safeguards out', () => {
  let copy: string;

  beforeEach(() => (copy = mkdtempSync(join(tmpdir(), 'nestjs-outboxed-mutations-'))));
  afterEach(() => rmSync(copy, { recursive: true }));

  it.each(mutations.map((mutation) => [mutation.safeguard, mutation] as const))(
    'can be done with the sources as they are: %s',
    (_, { changes, tests }) => {
      for (const change of changes) {
        const path = join(copy, change.file);
        mkdirSync(dirname(path), { recursive: true });
        if (!existsSync(path)) {
          cpSync(join(root, change.file), path);
        }
        const before = readFileSync(path, 'utf8');
        applyChange(copy, change);
        expect(readFileSync(path, 'utf8')).not.toBe(before);
      }
      expect(tests.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    },
  );

  it.each([
    ['not there', 'nothing'],
    ['there twice', 'a safeguard, a safeguard'],
  ])('is refused where the text is %s', (_, content) => {
    writeFileSync(join(copy, 'file.ts'), content);
    expect(() => applyChange(copy, { file: 'file.ts', text: 'safeguard', by: '' })).toThrow('not once: safeguard');
    expect(readFileSync(join(copy, 'file.ts'), 'utf8')).toBe(content);
  });
});
