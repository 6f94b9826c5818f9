//! Target: exec.
