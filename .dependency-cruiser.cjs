/**
 * The folders of lib follow the flow of data: write -> store <- relay -> publish, with admin beside write, and upkeep -> store. What stands below never imports what stands above, and
 * siblings stay apart.
 */

/** @type {(name: string, folder: string, allowed: string[]) => object} */
const mayImportOnly = (folder, allowed) => ({
  name: `${folder}-imports-downwards`,
  comment: `lib/${folder} may import only ${allowed.join(', ') || 'nothing of lib'} (docs/architecture.md)`,
  severity: 'error',
  from: { path: `^lib/${folder}/` },
  to: { path: '^lib/', pathNot: [`^lib/${folder}/`, ...allowed.map((name) => `^lib/${name}/`)] },
});

/** @type {(name: string, room: string, packages: string, comment: string) => object} */
const onlyIn = (name, room, packages, comment) => ({
  name: `${name}-only-in-its-room`,
  comment,
  severity: 'error',
  from: { path: '^lib/', pathNot: `^lib/${room}` },
  to: { path: `node_modules/${packages}` },
});

const foundation = ['config', 'interfaces', 'errors', 'time', 'peers'];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-barrels-inside',
      comment: 'index.ts is for users; inside, import the file that defines a thing',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/index.ts$' },
      to: { path: ['^lib/index\\.ts$', '^lib/[a-z]+/index\\.ts$'] },
    },
    mayImportOnly('errors', []),
    mayImportOnly('interfaces', []),
    mayImportOnly('time', []),
    mayImportOnly('peers', []),
    mayImportOnly('decoration', ['errors']),
    mayImportOnly('config', ['interfaces', 'errors']),
    mayImportOnly('transaction', ['errors', 'time']),
    mayImportOnly('store', [...foundation]),
    mayImportOnly('publish', [...foundation]),
    mayImportOnly('write', [...foundation, 'decoration', 'store', 'transaction']),
    mayImportOnly('inbox', [...foundation, 'decoration', 'store', 'transaction']),
    mayImportOnly('admin', [...foundation, 'store', 'transaction']),
    mayImportOnly('relay', [...foundation, 'store']),
    mayImportOnly('upkeep', [...foundation, 'store']),
    mayImportOnly('observe', [...foundation, 'store']),
    mayImportOnly('metrics', ['observe']),
    mayImportOnly('health', ['observe']),
    mayImportOnly('migrations', ['store', 'errors']),
    mayImportOnly('testing', [...foundation, 'write', 'inbox', 'observe', 'store', 'transaction']),
    onlyIn(
      'kafkajs',
      '(publish|config)/',
      'kafkajs',
      'the relay knows a publisher, not Kafka; config names the type of its options',
    ),
    onlyIn(
      'prometheus',
      'observe/metrics/',
      '(prom-client|@willsoto)',
      'an optional peer: who does not want metrics does not install it',
    ),
    onlyIn(
      'open-telemetry',
      '(observe/tracing/|outbox-observation\\.ts$)',
      '@opentelemetry',
      'an optional peer, loaded in one place',
    ),
    onlyIn('terminus', 'health/', '@nestjs/terminus', 'an optional peer, behind its subpath'),
    onlyIn(
      'microservices',
      'inbox/nest-errors\\.ts$',
      '@nestjs/microservices',
      'an optional peer, loaded where a handler of its Kafka transport has failed',
    ),
    {
      name: 'lib-stands-alone',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(sample-app|test|tools|bench)/' },
    },
    {
      name: 'sample-uses-the-package',
      comment: 'the sample is what users copy: it imports the package by its name',
      severity: 'error',
      from: { path: '^sample-app/' },
      to: { path: '^(lib|test|tools)/', pathNot: '^lib/(index|(migrations|testing|metrics|health)/index)\\.ts$' },
    },
    {
      name: 'the-chaos-checker-stands-alone',
      comment: 'it judges the product, and so uses nothing of it',
      severity: 'error',
      from: { path: '^test/chaos/checker/' },
      to: { pathNot: '^test/chaos/checker/' },
    },
    {
      name: 'no-dev-dependencies-in-lib',
      severity: 'error',
      from: { path: '^lib/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        pathNot:
          'node_modules/(@nestjs|typeorm|kafkajs|rxjs|reflect-metadata|pg|prom-client|@willsoto|@opentelemetry/api)',
      },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: 'dist/' } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^lib/', pathNot: '^lib/index.ts$' },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
  },
};
