//! What a step does.
