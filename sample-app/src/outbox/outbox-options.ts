/** What holds for the events of the shop, whichever process delivers them. */
export const OUTBOX = {
  source: '/shop',
  // The topic is made as soon as the broker is there (kafka/ensure-topic.ts); an event that was faster does not wait long.
  errorRetryIntervalSeconds: 2,
} as const;
