//! Requests and replies byte by byte, from the schema tables.
