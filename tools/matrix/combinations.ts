/** Versions that are supported together with each other. */
export interface Combination {
  readonly name: string;
  readonly packages: readonly string[];
}

const nest11 = [
  '@nestjs/common@11',
  '@nestjs/core@11',
  '@nestjs/microservices@11',
  '@nestjs/platform-express@11',
  '@nestjs/schedule@6',
  '@nestjs/testing@11',
  '@nestjs/typeorm@11',
];
const oldestTypeOrm = 'typeorm@0.3.31';

/** Beside Nest 12 and TypeORM 1.x, which this repository itself has installed. The first is the other end. */
export const combinations: readonly Combination[] = [
  { name: 'Nest 11 with TypeORM 0.3', packages: [...nest11, oldestTypeOrm] },
  { name: 'Nest 11 with TypeORM 1.x', packages: nest11 },
  { name: 'Nest 12 with TypeORM 0.3', packages: [oldestTypeOrm] },
];
