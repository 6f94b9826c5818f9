//! Target: reference.
