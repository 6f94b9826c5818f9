//! Target: docker.
