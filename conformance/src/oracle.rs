//! What Kafka answers: recorded in the case, or asked live.
