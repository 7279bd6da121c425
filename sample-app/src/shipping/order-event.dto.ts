import { Type } from 'class-transformer';
import { IsArray, IsInt, IsString, IsUUID, Length, Min, ValidateNested } from 'class-validator';

/**
 * What shipping reads of the orders team's events. Fields it does not know are ignored, so that the orders team can add some; in a
 * real system the two would not share code either.
 */
class ItemDto {
  @IsString()
  sku!: string;

  @IsInt()
  @Min(1)
  quantity!: number;
}

export class OrderPlacedDto {
  @IsUUID()
  orderId!: string;

  @IsString()
  @Length(1, 100)
  customerId!: string;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => ItemDto)
  items!: ItemDto[];
}

export class OrderCancelledDto {
  @IsUUID()
  orderId!: string;
}
