import type { EntityTarget, ObjectLiteral, QueryRunner } from 'typeorm';
import { OutboxEntitiesMissingError } from '../errors/start-up.errors';

/**
 * The table of an entity, with the schema, prefix and naming strategy of the data source that the migration runs on.
 *
 * @throws OutboxEntitiesMissingError if the data source does not list the entity
 */
export function tablePath(queryRunner: QueryRunner, entity: EntityTarget<ObjectLiteral> & { name: string }): string {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- TypeORM 1.x renamed it to `dataSource`, which 0.3 does not have
  const dataSource = queryRunner.connection;
  if (!dataSource.hasMetadata(entity)) {
    throw new OutboxEntitiesMissingError('default', [entity.name]);
  }
  return dataSource.getMetadata(entity).tablePath;
}
