/** Codes of errors of PostgreSQL (its manual, appendix A) that more than one part looks for. */
export const SERIALIZATION_FAILURE = '40001';
export const DEADLOCK_DETECTED = '40P01';
