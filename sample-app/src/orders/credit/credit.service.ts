import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { CreditAccount } from './credit-account.entity';
import { CreditEntry } from './credit-entry.entity';
import { CreditExceededException } from './credit-exceeded.exception';

const LIMIT_CENTS = 1_000_000;

/** A customer's credit. Giving it back is the business of refunds, which this shop leaves out. */
@Injectable()
export class CreditService {
  constructor(
    @InjectRepository(CreditAccount) private readonly accounts: Repository<CreditAccount>,
    @InjectRepository(CreditEntry) private readonly entries: Repository<CreditEntry>,
  ) {}

  /**
   * Takes part in the transaction of whoever calls it.
   *
   * @throws CreditExceededException if the credit does not suffice
   */
  async charge(customerId: string, orderId: string, amountCents: number): Promise<void> {
    // The row of the account stays locked until the commit, so that no two orders use the same credit.
    const [account] = await this.accounts.query<{ used_cents: string; entries: number }[]>(
      `insert into credit_account as account (customer_id, used_cents, entries) values ($1, $2, 1)
       on conflict (customer_id) do update
         set used_cents = account.used_cents + excluded.used_cents, entries = account.entries + 1
       returning used_cents, entries`,
      [customerId, amountCents],
    );
    if (account === undefined || Number(account.used_cents) > LIMIT_CENTS) {
      throw new CreditExceededException(customerId, LIMIT_CENTS);
    }
    await this.entries.insert({ customerId, number: account.entries, orderId, amountCents });
  }
}
