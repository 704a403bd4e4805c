//! The operator: one-way reconcile, wake index, impersonation.
