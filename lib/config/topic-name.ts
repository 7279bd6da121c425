/** Kafka's own rule (org.apache.kafka.common.internals.Topic): a legal character set, at most 249, neither "." nor "..". */
export const TOPIC_NAME = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/;
