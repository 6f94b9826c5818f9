//! librdkafka as an application would use it.
