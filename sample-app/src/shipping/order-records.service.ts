import { Injectable, Logger } from '@nestjs/common';
import { MalformedRecordError, readRecord, type OrderEvent, type OrderRecord } from './read-record';
import { ShippingService } from './shipping.service';

/** From a record to its effect. */
@Injectable()
export class OrderRecordsService {
  private readonly logger = new Logger('Shipping');

  constructor(private readonly shipping: ShippingService) {}

  /**
   * A malformed record is reported and left behind: it would fail for ever, and everything behind it would wait. Any other failure is
   * thrown, so that the record is read again.
   *
   * @param place where it was read, for the report; never its content
   */
  async receive(record: OrderRecord, place: string): Promise<void> {
    const event = this.read(record, place);
    if (event !== undefined) await this.shipping.apply(event);
  }

  private read(record: OrderRecord, place: string): OrderEvent | undefined {
    try {
      return readRecord(record);
    } catch (error) {
      if (!(error instanceof MalformedRecordError)) throw error;
      this.logger.warn(`Skipped a malformed record at ${place}: ${error.message}`);
      return undefined;
    }
  }
}
