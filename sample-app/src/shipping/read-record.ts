import { plainToInstance, type ClassConstructor } from 'class-transformer';
import { isUUID, validateSync, type ValidationError } from 'class-validator';
import { OrderCancelledDto, OrderPlacedDto } from './order-event.dto';

/** A record of the topic, whatever carried it here. */
export interface OrderRecord {
  readonly headers: Readonly<Record<string, unknown>>;
  /** The parsed JSON. */
  readonly value: unknown;
}

export type OrderEvent =
  | { readonly type: 'OrderPlaced'; readonly id: string; readonly data: OrderPlacedDto }
  | { readonly type: 'OrderCancelled'; readonly id: string; readonly data: OrderCancelledDto };

/** The record is not what the contract says, and will not be however often it is read. */
export class MalformedRecordError extends Error {
  override readonly name = 'MalformedRecordError';
}

/**
 * @returns undefined for a type of event that shipping has no use for
 * @throws MalformedRecordError
 */
export function readRecord({ headers, value }: OrderRecord): OrderEvent | undefined {
  const { ce_id: id, ce_type: type } = headers;
  if (!isUUID(id)) throw new MalformedRecordError('the header ce_id is missing or no UUID');
  if (typeof type !== 'string') throw new MalformedRecordError('the header ce_type is missing');
  if (type === 'OrderPlaced') return { type, id: id as string, data: valid(OrderPlacedDto, value) };
  if (type === 'OrderCancelled') return { type, id: id as string, data: valid(OrderCancelledDto, value) };
  return undefined;
}

function valid<T extends object>(dto: ClassConstructor<T>, value: unknown): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedRecordError('the value is not a JSON object');
  }
  const data = plainToInstance(dto, value);
  const [fault] = validateSync(data);
  if (fault !== undefined) throw new MalformedRecordError(firstReason(fault));
  return data;
}

function firstReason(error: ValidationError): string {
  const [child] = error.children ?? [];
  const [reason] = Object.values(error.constraints ?? {});
  return reason ?? (child === undefined ? `${error.property} is not valid` : firstReason(child));
}
