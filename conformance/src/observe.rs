//! An answer becomes canonical lines.
