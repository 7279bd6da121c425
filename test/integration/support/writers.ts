import { Injectable } from '@nestjs/common';
import { InjectEntityManager, InjectRepository } from '@nestjs/typeorm';
import { OutboxRepository } from 'nestjs-outboxed';
import {
  BaseEntity,
  DataSource,
  Entity,
  EntityManager,
  PrimaryColumn,
  Repository,
  Tree,
  TreeChildren,
  TreeParent,
} from 'typeorm';
import type { TestDatabase } from './database';
import { Item } from './item.entity';
import { anEvent } from './outbox-app';

@Entity({ name: 'active_item' })
export class ActiveItem extends BaseEntity {
  @PrimaryColumn('text')
  id!: string;
}

@Entity({ name: 'tree_item' })
@Tree('closure-table')
export class TreeItem {
  @PrimaryColumn('text')
  id!: string;

  @TreeParent()
  parent?: TreeItem;

  @TreeChildren()
  children?: TreeItem[];
}

/** A custom repository as Nest's documentation has it. */
@Injectable()
export class CustomItems extends Repository<Item> {
  constructor(dataSource: DataSource) {
    super(Item, dataSource.createEntityManager());
  }

  async add(id: string): Promise<void> {
    await this.save({ id });
  }
}

/** Has everything injected that a service may write with. */
@Injectable()
export class Writers {
  constructor(
    @InjectRepository(Item) readonly items: Repository<Item>,
    @InjectEntityManager() readonly manager: EntityManager,
    readonly custom: CustomItems,
    readonly dataSource: DataSource,
    readonly outbox: OutboxRepository,
  ) {}

  addEvent(aggregateId: string): Promise<string> {
    return this.outbox.addEvent(anEvent({ aggregateId }));
  }
}

/** The entities and providers that {@link Writers} needs beside {@link Item}. */
export const writers = { entities: [ActiveItem, TreeItem], providers: [Writers, CustomItems] };

type Write<With> = (by: With, id: string) => Promise<unknown>;

/** Every way that TypeORM offers to write without a handle of the transaction. Each writes one row. */
export const waysOfWriting: Record<string, Write<Writers>> = {
  'repository.save': ({ items }, id) => items.save({ id }),
  'repository.insert': ({ items }, id) => items.insert({ id }),
  'repository.upsert': ({ items }, id) => items.upsert({ id }, ['id']),
  'repository.save of a row that is then changed': async ({ items }, id) => {
    await items.save({ id });
    await items.update({ id }, { note: 'changed' });
    await items.save({ id, note: 'changed again' });
  },
  'repository.query': ({ items }, id) => items.query('insert into item (id) values ($1)', [id]),
  'repository.createQueryBuilder': ({ items }, id) => items.createQueryBuilder().insert().values({ id }).execute(),
  'repository.extend': ({ items }, id) =>
    items
      .extend({
        add(this: Repository<Item>, added: string) {
          return this.save({ id: added });
        },
      })
      .add(id),
  'a repository from dataSource.getRepository': ({ dataSource }, id) => dataSource.getRepository(Item).save({ id }),
  'a custom repository': ({ custom }, id) => custom.add(id),
  'a tree repository': ({ dataSource }, id) => dataSource.getTreeRepository(TreeItem).save({ id }),
  'the entity manager': ({ manager }, id) => manager.save(Item, { id }),
  'a query builder of the entity manager': ({ manager }, id) =>
    manager.createQueryBuilder().insert().into(Item).values({ id }).execute(),
  'dataSource.query': ({ dataSource }, id) => dataSource.query('insert into item (id) values ($1)', [id]),
  'dataSource.createQueryBuilder': ({ dataSource }, id) =>
    dataSource.createQueryBuilder().insert().into(Item).values({ id }).execute(),
  'dataSource.createQueryRunner': async ({ dataSource }, id) => {
    const runner = dataSource.createQueryRunner();
    try {
      await runner.query('insert into item (id) values ($1)', [id]);
    } finally {
      await runner.release();
    }
  },
  'an active record': (_writers, id) => Object.assign(new ActiveItem(), { id }).save(),
  'a static method of an active record': (_writers, id) => ActiveItem.insert({ id }),
};

/** Every way to write with the entity manager of a transaction in the hand. Each writes one row. */
export const waysOfManagers: Record<string, Write<EntityManager>> = {
  'manager.save': (manager, id) => manager.save(Item, { id }),
  'manager.insert': (manager, id) => manager.insert(Item, { id }),
  'manager.query': (manager, id) => manager.query('insert into item (id) values ($1)', [id]),
  'manager.createQueryBuilder': (manager, id) =>
    manager.createQueryBuilder().insert().into(Item).values({ id }).execute(),
  'manager.getRepository': (manager, id) => manager.getRepository(Item).save({ id }),
  'manager.getTreeRepository': (manager, id) => manager.getTreeRepository(TreeItem).save({ id }),
  'manager.queryRunner': (manager, id) => manager.queryRunner!.query('insert into item (id) values ($1)', [id]),
};

/** What of a prefix is there, as another connection sees it. */
export async function stored(database: TestDatabase, prefix: string): Promise<{ rows: string[]; events: string[] }> {
  const [row] = await database.query<{ rows: string[]; events: string[] }>(
    `select array(select id from item where id like $1
                  union all select id from active_item where id like $1
                  union all select id from tree_item where id like $1
                  order by id) as rows,
            array(select aggregate_id::text from event_outbox where aggregate_id like $1 order by aggregate_id) as events`,
    [`${prefix}%`],
  );
  return row!;
}
