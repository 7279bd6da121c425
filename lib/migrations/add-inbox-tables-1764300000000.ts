import { Table, TableIndex, type MigrationInterface, type QueryRunner } from 'typeorm';
import { EventInbox } from '../store/event-inbox.entity';
import { InboxDeadLetterRow } from '../store/inbox-dead-letter.entity';
import { tablePath } from './table-path';

/** What consumers have handled, and what they have given up. */
export class AddInboxTables1764300000000 implements MigrationInterface {
  readonly name = 'AddInboxTables1764300000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.createTable(
      new Table({
        name: tablePath(queryRunner, EventInbox),
        columns: [
          { name: 'consumer', type: 'varchar', length: '255', isPrimary: true },
          { name: 'message_id', type: 'varchar', length: '255', isPrimary: true },
          { name: 'replay_id', type: 'varchar', length: '255', isPrimary: true },
          { name: 'processed_at', type: 'timestamptz', isNullable: true },
          { name: 'attempts', type: 'smallint', default: "'0'" },
          { name: 'failed_at', type: 'timestamptz', isNullable: true },
          { name: 'last_error', type: 'text', isNullable: true },
        ],
        indices: [new TableIndex({ columnNames: ['processed_at'] })],
      }),
    );
    await queryRunner.createTable(
      new Table({
        name: tablePath(queryRunner, InboxDeadLetterRow),
        columns: [
          {
            name: 'seq',
            type: 'bigint',
            isPrimary: true,
            isGenerated: true,
            generationStrategy: 'identity',
            generatedIdentity: 'ALWAYS',
          },
          { name: 'consumer', type: 'varchar', length: '255' },
          { name: 'message_id', type: 'varchar', length: '255' },
          { name: 'replay_id', type: 'varchar', length: '255' },
          { name: 'topic', type: 'varchar', length: '255' },
          { name: 'topic_partition', type: 'integer' },
          { name: 'topic_offset', type: 'bigint' },
          { name: 'message_key', type: 'bytea', isNullable: true },
          { name: 'message_value', type: 'bytea', isNullable: true },
          { name: 'headers', type: 'json' },
          { name: 'attempts', type: 'smallint' },
          { name: 'reason', type: 'text' },
          { name: 'died_at', type: 'timestamptz' },
        ],
      }),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable(tablePath(queryRunner, InboxDeadLetterRow));
    await queryRunner.dropTable(tablePath(queryRunner, EventInbox));
  }
}
