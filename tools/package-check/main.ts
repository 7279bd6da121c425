import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { startParts, type Parts } from '../parts';
import { writeEmptyApp, type Starter } from './empty-app';
import { readQuickStart } from './quick-start';
import { run } from './run';
import { tryApp } from './try-app';

const root = join(__dirname, '../../..');

const starters: readonly Starter[] = [
  { nest: 12, type: 'module', typescript: '^6.0.2' },
  { nest: 11, type: 'commonjs', typescript: '^5.9.0' },
];

/** The oldest TypeORM that is supported; the install line of the README brings the newest. */
const OLDEST_TYPEORM = 'typeorm@0.3.31';

/** Packs the package, and follows the README's quick start with it in empty applications. */
async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'nestjs-outboxed-package-'));
  let parts: Parts | undefined;
  try {
    const [packed] = JSON.parse(
      await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root),
    ) as {
      filename: string;
    }[];
    const tarball = join(folder, packed?.filename ?? '');
    parts = await startParts();
    const started = parts;
    // Side by side, and all to their end: what they use is removed after that.
    const checks = await Promise.allSettled([
      checkTypes(tarball),
      ...starters.map((starter) => followQuickStart(folder, tarball, starter, started)),
    ]);
    const failures = checks.flatMap((check) => (check.status === 'rejected' ? [check.reason as Error] : []));
    if (failures.length > 0) {
      throw new Error(failures.map(({ message }) => message).join('\n\n'));
    }
    console.log('package: the quick start works as written');
  } finally {
    await parts?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function checkTypes(tarball: string): Promise<void> {
  await run('npx', ['publint', 'run', tarball, '--strict'], root);
  await run('npx', ['attw', tarball, '--format', 'ascii'], root);
  console.log('package: exports and types resolve from CommonJS, ECMAScript modules and bundlers');
}

async function followQuickStart(parent: string, tarball: string, starter: Starter, parts: Parts): Promise<void> {
  const name = `nest-${String(starter.nest)}`;
  const folder = join(parent, name);
  mkdirSync(folder);
  const { files, packages } = readQuickStart(join(root, 'README.md'));
  writeEmptyApp(folder, starter, files);
  await install(folder, ...packages.map((wanted) => (wanted === 'nestjs-outboxed' ? tarball : wanted)));
  await buildAndTry(folder, parts);
  console.log(
    `package: Nest ${String(starter.nest)} (${starter.type}), newest TypeORM: built, migrated, ordered, delivered`,
  );

  await install(folder, OLDEST_TYPEORM);
  await buildAndTry(folder, parts);
  console.log(
    `package: Nest ${String(starter.nest)} (${starter.type}), ${OLDEST_TYPEORM}: built, migrated, ordered, delivered`,
  );
}

/** What npm has in its cache it does not ask for again. */
async function install(folder: string, ...packages: string[]): Promise<void> {
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', ...packages], folder);
}

async function buildAndTry(folder: string, parts: Parts): Promise<void> {
  const [broker] = parts.kafka.brokers;
  if (broker === undefined) {
    throw new Error('there is no broker');
  }
  await run('npx', ['tsc'], folder);
  await withDatabase(parts.database.url, async (databaseUrl) => {
    const printed = await run('npx', ['typeorm', 'migration:run', '-d', 'dist/data-source.js'], folder, {
      DATABASE_URL: databaseUrl,
    });
    if (!printed.includes('CreateOutboxTables1763900000000 has been executed successfully')) {
      throw new Error(`the migration did not run:\n${printed}`);
    }
    await tryApp(folder, { databaseUrl, broker });
  });
}

async function withDatabase(server: string, work: (url: string) => Promise<void>): Promise<void> {
  const name = `package_check_${randomUUID().replaceAll('-', '')}`;
  const client = new Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(`create database ${name}`);
    const url = new URL(server);
    url.pathname = `/${name}`;
    await work(url.href);
  } finally {
    await client.query(`drop database if exists ${name} with (force)`);
    await client.end();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
