import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** An application as `nest new` makes it, without linter and tests. */
export interface Starter {
  readonly nest: 11 | 12;
  /** Nest 12 makes ECMAScript modules unless told otherwise, Nest 11 CommonJS. */
  readonly type: 'module' | 'commonjs';
  readonly typescript: string;
}

const mainFile = `import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

async function bootstrap() {
  const app = await NestFactory.create(AppModule);
  app.enableShutdownHooks();
  await app.listen(process.env.PORT ?? 3000);
}
void bootstrap();
`;

export function writeEmptyApp(
  folder: string,
  { nest, type, typescript }: Starter,
  files: ReadonlyMap<string, string>,
): void {
  const range = `^${String(nest)}.0.1`;
  writeJson(join(folder, 'package.json'), {
    name: 'empty-app',
    private: true,
    type,
    dependencies: {
      '@nestjs/common': range,
      '@nestjs/core': range,
      '@nestjs/platform-express': range,
      'reflect-metadata': '^0.2.2',
      rxjs: '^7.8.1',
    },
    devDependencies: { typescript, '@types/node': '^24.0.0' },
  });
  writeJson(join(folder, 'tsconfig.json'), {
    compilerOptions: {
      module: 'nodenext',
      moduleResolution: 'nodenext',
      resolvePackageJsonExports: true,
      esModuleInterop: true,
      isolatedModules: true,
      declaration: true,
      emitDecoratorMetadata: true,
      experimentalDecorators: true,
      allowSyntheticDefaultImports: true,
      target: 'ES2023',
      types: ['node'],
      outDir: './dist',
      rootDir: './src',
      // Stricter than either starter: the declarations of the package are checked, too.
      skipLibCheck: false,
      strict: true,
      strictPropertyInitialization: false,
    },
    include: ['src'],
  });
  for (const [path, content] of new Map([['src/main.ts', mainFile], ...files])) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

function writeJson(path: string, content: object): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`);
}
