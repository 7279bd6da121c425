import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { outboxMigrations } from 'nestjs-outboxed/migrations';
import type { DataSourceOptions } from 'typeorm';
import { connect } from './connect';
import { CreateShopTables1763900000001 } from './migrations/create-shop-tables-1763900000001';

/** How long to wait for a host that does not answer at all. */
const CONNECT_WITHIN_MS = 5000;

@Module({})
export class DatabaseModule {
  static forRoot(url: string): DynamicModule {
    const options = {
      type: 'postgres',
      url,
      connectTimeoutMS: CONNECT_WITHIN_MS,
      autoLoadEntities: true, // finds the entities of the outbox, too
      migrations: [...outboxMigrations, CreateShopTables1763900000001],
      // A shop that cannot start says so at once; whatever runs it decides whether to start it again.
      toRetry: () => false,
    } as const;
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRootAsync({
          useFactory: () => ({ ...options, migrations: [...options.migrations] }),
          dataSourceFactory: (complete) => connect(url, complete as DataSourceOptions),
        }),
      ],
    };
  }
}
