//! What a broker claims and which differences are known.
