import { OutboxError } from './outbox.error';

/** An option needs packages that are not installed. Thrown while the application starts. */
export class OutboxPeerMissingError extends OutboxError {
  readonly code = 'OUTBOX_PEER_MISSING';

  constructor(option: string, packages: readonly string[]) {
    super(
      `${option} needs ${packages.join(' and ')}, which ${packages.length === 1 ? 'is' : 'are'} not installed: ` +
        `npm install ${packages.join(' ')}`,
    );
  }
}

/** The application has registered a metric of its own under a name of the outbox's. Thrown while the application starts. */
export class OutboxMetricTakenError extends OutboxError {
  readonly code = 'OUTBOX_METRIC_TAKEN';

  constructor(name: string) {
    super(
      `The application has a metric "${name}" of its own, and the outbox cannot count in it. Give it another name, or set customMetricPrefix in ` +
        'PrometheusModule.',
    );
  }
}
