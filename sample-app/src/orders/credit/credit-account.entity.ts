import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity({ name: 'credit_account' })
export class CreditAccount {
  @PrimaryColumn({ name: 'customer_id', type: 'varchar', length: 100 })
  customerId!: string;

  /** A bigint, so TypeORM gives a string. */
  @Column({ name: 'used_cents', type: 'bigint' })
  usedCents!: string;

  /** How many entries the account has. */
  @Column({ type: 'integer' })
  entries!: number;
}
