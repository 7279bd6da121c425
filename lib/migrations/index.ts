import { AddInboxTables1764300000000 } from './add-inbox-tables-1764300000000';
import { AddRelayTables1764000000000 } from './add-relay-tables-1764000000000';
import { CreateOutboxTables1763900000000 } from './create-outbox-tables-1763900000000';

export { AddInboxTables1764300000000, AddRelayTables1764000000000, CreateOutboxTables1763900000000 };

/** All migrations of the outbox, in order, for `migrations: [...outboxMigrations, ...yours]`. */
export const outboxMigrations = [
  CreateOutboxTables1763900000000,
  AddRelayTables1764000000000,
  AddInboxTables1764300000000,
] as const;
