/** First half of the number of an advisory lock, which one process at a time holds while it deletes; the second is the table's. */
export const UPKEEP_LOCK = 0x6f757475; // "outu"
