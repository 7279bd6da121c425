import { CreateOutboxTables1763900000000 } from './create-outbox-tables-1763900000000';

export { CreateOutboxTables1763900000000 };

/** All migrations of the outbox, in order, for `migrations: [...outboxMigrations, ...yours]`. */
export const outboxMigrations = [CreateOutboxTables1763900000000] as const;
