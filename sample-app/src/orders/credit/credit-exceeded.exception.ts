import { ConflictException } from '@nestjs/common';

/** Answered with 409; thrown inside the transaction, it rolls everything back. */
export class CreditExceededException extends ConflictException {
  constructor(customerId: string, limitCents: number) {
    super(`The credit of ${customerId} (${(limitCents / 100).toFixed(2)}) does not suffice for this order.`);
  }
}
