/** How the PostgreSQL of tests and tools differs from a fresh one. */
export const SETTINGS = [
  'wal_level=logical',
  'max_connections=200',
  // What a killed process has written is with the operating system and survives. Only a crash of the machine itself
  // needs fsync, and no test crashes the machine.
  'fsync=off',
] as const;
