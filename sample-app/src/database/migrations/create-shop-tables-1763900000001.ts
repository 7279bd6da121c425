import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateShopTables1763900000001 implements MigrationInterface {
  readonly name = 'CreateShopTables1763900000001';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create table "shop_order" (
        "id" uuid primary key,
        "customer_id" varchar(100) not null,
        "items" jsonb not null,
        "total_cents" integer not null,
        "status" varchar(20) not null,
        "placed_at" timestamptz not null
      )`);
    await queryRunner.query(`
      create table "credit_account" (
        "customer_id" varchar(100) primary key,
        "used_cents" bigint not null,
        "entries" integer not null
      )`);
    await queryRunner.query(`
      create table "credit_entry" (
        "customer_id" varchar(100) not null,
        "number" integer not null,
        "order_id" uuid not null,
        "amount_cents" integer not null,
        primary key ("customer_id", "number")
      )`);
    await queryRunner.query(`
      create table "shipment" (
        "order_id" uuid primary key,
        "event_id" uuid not null unique,
        "position" bigint generated always as identity,
        "customer_id" varchar(100) not null,
        "items" jsonb not null,
        "status" varchar(20) not null
      )`);
    await queryRunner.query('create index "shipment_customer_position" on "shipment" ("customer_id", "position")');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table "shipment", "credit_entry", "credit_account", "shop_order"');
  }
}
