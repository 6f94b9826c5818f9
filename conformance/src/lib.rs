//! Kept short on purpose: the map of the suite is in ARCHITECTURE.md.
