//! Target: jvm.
