//! Tests of flows: records in, documents or refusals out, read from `*.test.yaml` and run without Kafka.
