/** The environment is wrong; the message lists every fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly faults: readonly string[]) {
    super(`The environment of the shop is not valid:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
  }
}
