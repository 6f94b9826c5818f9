//! Target: address.
