import { readFileSync } from 'node:fs';

/** What a reader of the README's quick start would type and write. */
export interface QuickStart {
  /** Contents by path, such as `src/app.module.ts`. */
  readonly files: ReadonlyMap<string, string>;
  /** The names after `npm install`. */
  readonly packages: readonly string[];
}

export function readQuickStart(readme: string): QuickStart {
  const text = readFileSync(readme, 'utf8');
  const section = /\n## Quick start\n([^]*?)\n## /.exec(text)?.[1] ?? '';
  const files = new Map(
    [...section.matchAll(/```ts\n\/\/ (\S+)\n([^]*?)```/g)].map(
      ([, path = '', content = '']) => [path, content] as const,
    ),
  );
  const packages = /npm install (.*)/.exec(section)?.[1]?.split(' ') ?? [];
  if (files.size === 0 || !packages.includes('nestjs-outboxed')) {
    throw new Error('the quick start of the README has no files or no install line');
  }
  return { files, packages };
}
