import { Table, TableIndex, type MigrationInterface, type QueryRunner } from 'typeorm';
import { EventOutbox } from '../store/event-outbox.entity';
import { OutboxDeadLetter } from '../store/outbox-dead-letter.entity';
import { OutboxRelay } from '../store/outbox-relay.entity';
import { OutboxRewind } from '../store/outbox-rewind.entity';
import { tablePath } from './table-path';

// Made anew each time: TypeORM writes the name that the naming strategy gives into them.
const newIndexes = (): TableIndex[] => [
  new TableIndex({
    columnNames: ['lane', 'retry_at', 'seq'],
    where: '"published_at" IS NULL AND "retry_at" IS NOT NULL AND "attempts" = 0',
  }),
  new TableIndex({ columnNames: ['lane', 'retry_at'], where: '"published_at" IS NULL AND "attempts" > 0' }),
  new TableIndex({ columnNames: ['event_key'], where: '"published_at" IS NULL AND "attempts" > 0' }),
];

/** Dead letters, relays that share the lanes, and the ways to events that wait for their time. */
export class AddRelayTables1764000000000 implements MigrationInterface {
  readonly name = 'AddRelayTables1764000000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.createIndices(tablePath(queryRunner, EventOutbox), newIndexes());
    await queryRunner.createTable(
      new Table({
        name: tablePath(queryRunner, OutboxDeadLetter),
        columns: [
          { name: 'seq', type: 'bigint', isPrimary: true },
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
          { name: 'created_at', type: 'timestamptz' },
          { name: 'available_at', type: 'timestamptz', isNullable: true },
          { name: 'attempts', type: 'smallint' },
          { name: 'reason', type: 'text' },
          { name: 'died_at', type: 'timestamptz' },
          { name: 'holds_key', type: 'boolean' },
        ],
        indices: [
          new TableIndex({ columnNames: ['event_key'], where: '"holds_key"' }),
          new TableIndex({ columnNames: ['id'] }),
        ],
      }),
    );
    await queryRunner.createTable(
      new Table({
        name: tablePath(queryRunner, OutboxRelay),
        columns: [
          { name: 'id', type: 'uuid', isPrimary: true },
          { name: 'life_lock', type: 'integer', isNullable: true },
          { name: 'expires_at', type: 'timestamptz' },
        ],
      }),
    );
    await queryRunner.createTable(
      new Table({
        name: tablePath(queryRunner, OutboxRewind),
        columns: [
          {
            name: 'id',
            type: 'bigint',
            isPrimary: true,
            isGenerated: true,
            generationStrategy: 'identity',
            generatedIdentity: 'ALWAYS',
          },
          { name: 'lane', type: 'smallint' },
        ],
      }),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable(tablePath(queryRunner, OutboxRelay));
    await queryRunner.dropTable(tablePath(queryRunner, OutboxDeadLetter));
    await queryRunner.dropTable(tablePath(queryRunner, OutboxRewind));
    await queryRunner.dropIndices(tablePath(queryRunner, EventOutbox), newIndexes());
  }
}
