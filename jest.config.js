/** Unit tests need nothing but Node; integration tests need a real PostgreSQL and a real Kafka (see tools/parts). */
const shared = {
  rootDir: __dirname,
  testEnvironment: 'node',
  // Nest 12 is published as ECMAScript modules, which jest can only load transformed.
  transformIgnorePatterns: ['/node_modules/(?!(@nestjs)/)'],
  transform: {
    '^.+\\.[cm]?[jt]s$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'commonjs' },
      },
    ],
  },
  moduleNameMapper: {
    '^nestjs-outboxed$': '<rootDir>/lib/index.ts',
    '^nestjs-outboxed/(.*)$': '<rootDir>/lib/$1/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
};

module.exports = {
  // The integration tests mostly wait, so that three at a time pay off on two cores as well.
  maxWorkers: 3,
  testSequencer: '<rootDir>/test/longest-first.cjs',
  // Only for what hangs: a busy machine may take many times as long as a quiet one.
  testTimeout: 180_000,
  projects: [
    { ...shared, displayName: 'unit', testMatch: ['<rootDir>/test/unit/**/*.spec.ts'] },
    {
      ...shared,
      displayName: 'integration',
      testMatch: ['<rootDir>/test/integration/**/*.spec.ts'],
      globalSetup: '<rootDir>/test/integration/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/integration/support/global-teardown.ts',
    },
  ],
};
