//! Key-value stores for functions that were granted one, in redb.
