/** A safeguard, taken out of the sources. Something must notice. */
export interface Mutation {
  readonly safeguard: string;
  readonly changes: readonly Change[];
  /** Tests of which at least one must fail, as paths; by the first folder they are unit or integration tests. */
  readonly tests: readonly string[];
  /** Arguments of a chaos run that must fail. */
  readonly chaos?: readonly string[];
}

/** A replacement in a file of lib. The text must be there exactly once. */
export interface Change {
  readonly file: string;
  readonly text: string;
  readonly by: string;
}

export const mutations: readonly Mutation[] = [
  {
    safeguard: 'adding locks the ordering keys until the commit',
    changes: [
      {
        file: 'lib/store/insert-events.ts',
        text: 'pg_advisory_xact_lock(${LOCK_NAMESPACE}, $1) l`',
        by: 'abs($1::int) l`',
      },
      {
        file: 'lib/store/insert-events.ts',
        text: 'count(pg_advisory_xact_lock(${LOCK_NAMESPACE}, number))',
        by: 'count(number)',
      },
    ],
    tests: ['test/integration/write'],
    chaos: ['--no-faults', '--seconds', '20'],
  },
  {
    safeguard: 'a settling names owner and epoch',
    changes: [
      { file: 'lib/store/lane-fence.ts', text: ' and mine.epoch = o.${l.epoch}', by: '' },
      { file: 'lib/store/lane-fence.ts', text: 'where o.${l.owner} = $1::uuid', by: 'where $1::uuid is not null' },
    ],
    tests: ['test/integration/store/settling.spec.ts', 'test/integration/relay/ownership.spec.ts'],
  },
  {
    safeguard: 'a settling names the epoch beside the owner',
    changes: [{ file: 'lib/store/lane-fence.ts', text: ' and mine.epoch = o.${l.epoch}', by: '' }],
    tests: ['test/integration/store/settling.spec.ts'],
  },
  {
    safeguard: 'a settling locks the lanes against takeovers',
    changes: [{ file: 'lib/store/lane-fence.ts', text: 'for ${lock} of o', by: '' }],
    tests: ['test/integration/relay/ownership.spec.ts'],
  },
  {
    safeguard: 'only pending events are settled',
    changes: [{ file: 'lib/store/lane-fence.ts', text: ' and ${e}.${t.publishedAt} is null`', by: '`' }],
    tests: ['test/integration/store/settling.spec.ts'],
  },
  {
    safeguard: 'an event that waits for its retry holds its key',
    changes: [
      {
        file: 'lib/store/held-key.ts',
        text: '${t.attempts} > 0 limit',
        by: '${t.attempts} < 0 limit',
      },
    ],
    tests: ['test/integration/relay/retries.spec.ts', 'test/integration/relay/order-under-stress.spec.ts'],
    chaos: ['--only', 'refuses', '--seconds', '30'],
  },
  {
    safeguard: 'a dead letter holds its key where that is asked for',
    changes: [
      { file: 'lib/store/held-key.ts', text: 'where ${d.holdsKey} limit', by: 'where ${d.holdsKey} and false limit' },
    ],
    tests: ['test/integration/relay/held-keys.spec.ts'],
  },
  {
    safeguard: 'nothing is sent after the deadline of the leases',
    changes: [
      {
        file: 'lib/relay/lane-leases.ts',
        text: 'this.book.leases.size > 0 && this.clock() < this.book.reliableUntil;',
        by: 'this.book.leases.size > 0;',
      },
    ],
    tests: ['test/unit/lib/relay/lane-leases.spec.ts'],
  },
  {
    safeguard: 'the deadline leaves room for the longest send',
    changes: [{ file: 'lib/relay/lane-leases.ts', text: ' - LONGEST_SEND_MS - MARGIN_MS;', by: ';' }],
    tests: ['test/unit/lib/relay/lane-leases.spec.ts'],
  },
  {
    safeguard: 'events of transactions that commit late come before later ones',
    changes: [{ file: 'lib/store/fetch-pending.ts', text: 'limit $6::int + 1', by: 'limit $6::int * 0' }],
    tests: ['test/integration/relay/order-under-stress.spec.ts'],
    chaos: ['--no-faults', '--seconds', '20'],
  },
  {
    safeguard: 'late events are those of transactions that were running, also below xmax',
    changes: [
      {
        file: 'lib/store/fetch-pending.ts',
        text: 'where pg_visible_in_snapshot(r.xid::text::xid8, pg_current_snapshot())',
        by: 'where false',
      },
    ],
    tests: ['test/integration/relay/order-under-stress.spec.ts'],
    chaos: ['--no-faults', '--seconds', '20'],
  },
  {
    safeguard: 'a taken lane begins at its lowest pending event',
    changes: [
      {
        file: 'lib/relay/lane-cursors.ts',
        text: 'if (this.cursors.get(lane)?.epoch !== epoch) {',
        by: 'if (!this.cursors.has(lane)) {',
      },
    ],
    tests: ['test/unit/lib/relay/lane-cursors.spec.ts'],
  },
  {
    safeguard: 'what a failure has left unsent is fetched again',
    changes: [{ file: 'lib/relay/delivery.ts', text: 'this.cursors.rewind(lane, seq);', by: 'void [lane, seq];' }],
    tests: ['test/unit/lib/relay', 'test/integration/relay/outage.spec.ts'],
  },
  {
    safeguard: 'of a key only the first refused event is recorded as refused',
    changes: [
      {
        file: 'lib/relay/settlement.ts',
        text: ' && !refusedKeys.has(event.eventKey)',
        by: '',
      },
    ],
    tests: ['test/unit/lib/relay/settlement.spec.ts'],
  },
  {
    safeguard: 'the id of a message is recorded in the transaction of its handler',
    changes: [
      {
        file: 'lib/outbox-inbox.ts',
        text: 'claim: claims.claim.bind(claims)',
        by: `claim: (_, ...rest) => inOwnContext(async () => {
          const alone = dataSource.createQueryRunner();
          return claims.claim(alone, ...rest).finally(() => alone.release());
        })`,
      },
      {
        file: 'lib/outbox-inbox.ts',
        text: 'claimAll: claims.claimAll.bind(claims)',
        by: `claimAll: (_, ...rest) => inOwnContext(async () => {
          const alone = dataSource.createQueryRunner();
          return claims.claimAll(alone, ...rest).finally(() => alone.release());
        })`,
      },
    ],
    tests: ['test/integration/inbox/redelivery.spec.ts'],
    chaos: ['--no-faults', '--seconds', '20'],
  },
  {
    safeguard: 'a message whose id is recorded is skipped',
    changes: [
      { file: 'lib/inbox/handle-message.ts', text: "return result === 'claimed';", by: 'return true;' },
      { file: 'lib/inbox/handle-batch.ts', text: 'claimed.delete(textOf(key))', by: 'claimed instanceof Set' },
    ],
    tests: ['test/integration/inbox/redelivery.spec.ts', 'test/integration/inbox/batches.spec.ts'],
    chaos: ['--only', 'set back', '--seconds', '20'],
  },
];
