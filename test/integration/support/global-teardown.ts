export default async function globalTeardown(): Promise<void> {
  const parts = globalThis.outboxTestParts;
  await Promise.all([parts?.database.stop(), parts?.kafka?.stop()]);
}
