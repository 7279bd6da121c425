import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsInt, Matches, Max, Min, ValidateNested } from 'class-validator';
import { PRICES_CENTS, type OrderItem, type Sku } from './catalogue';

class OrderItemDto implements OrderItem {
  @IsIn(Object.keys(PRICES_CENTS))
  sku!: Sku;

  @IsInt()
  @Min(1)
  @Max(100)
  quantity!: number;
}

export class PlaceOrderDto {
  @Matches(/^[\w.-]{1,100}$/, { message: 'customerId must be 1 to 100 letters, digits, dots, dashes or underscores' })
  customerId!: string;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @ValidateNested({ each: true })
  @Type(() => OrderItemDto)
  items!: OrderItemDto[];
}
