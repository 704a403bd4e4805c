//! The real test cluster.
