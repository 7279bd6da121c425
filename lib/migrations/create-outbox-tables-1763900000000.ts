import { Table, TableIndex, TableUnique, type MigrationInterface, type QueryRunner } from 'typeorm';
import { EventOutbox } from '../store/event-outbox.entity';
import { OutboxLane } from '../store/outbox-lane.entity';
import { tablePath } from './table-path';

/**
 * Makes the tables of the outbox. The shape is written out, and not taken from the entities: a migration stays what it was when it ran.
 * Names of constraints and indexes come from the data source's naming strategy, as with `synchronize`.
 */
export class CreateOutboxTables1763900000000 implements MigrationInterface {
  readonly name = 'CreateOutboxTables1763900000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const pending = '"published_at" IS NULL';
    await queryRunner.createTable(
      new Table({
        name: tablePath(queryRunner, EventOutbox),
        columns: [
          {
            name: 'seq',
            type: 'bigint',
            isPrimary: true,
            isGenerated: true,
            generationStrategy: 'identity',
            generatedIdentity: 'ALWAYS',
          },
          { name: 'xid', type: 'bigint' },
          { name: 'id', type: 'uuid' },
          { name: 'lane', type: 'smallint' },
          { name: 'aggregate_type', type: 'varchar', length: '100' },
          { name: 'aggregate_id', type: 'varchar', length: '255' },
          { name: 'event_type', type: 'varchar', length: '255' },
          { name: 'topic', type: 'varchar', length: '255' },
          { name: 'event_key', type: 'varchar', length: '255' },
          { name: 'event_data', type: 'json' },
          { name: 'headers', type: 'json', isNullable: true },
          { name: 'traceparent', type: 'varchar', isNullable: true },
          { name: 'tracestate', type: 'varchar', isNullable: true },
          { name: 'created_at', type: 'timestamptz', default: 'clock_timestamp()' },
          { name: 'available_at', type: 'timestamptz', isNullable: true },
          { name: 'attempts', type: 'smallint', default: "'0'" },
          { name: 'retry_at', type: 'timestamptz', isNullable: true },
          { name: 'last_error', type: 'text', isNullable: true },
          { name: 'published_at', type: 'timestamptz', isNullable: true },
        ],
        uniques: [new TableUnique({ columnNames: ['id'] })],
        indices: [
          new TableIndex({ columnNames: ['lane', 'seq'], where: pending }),
          new TableIndex({ columnNames: ['lane', 'xid'], where: pending }),
        ],
      }),
    );
    await queryRunner.createTable(
      new Table({
        name: tablePath(queryRunner, OutboxLane),
        columns: [
          { name: 'lane', type: 'smallint', isPrimary: true },
          { name: 'owner', type: 'uuid' },
          { name: 'epoch', type: 'bigint' },
          { name: 'expires_at', type: 'timestamptz' },
        ],
      }),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable(tablePath(queryRunner, OutboxLane));
    await queryRunner.dropTable(tablePath(queryRunner, EventOutbox));
  }
}
