//! `examples/deploy-v1.yaml` from its beginning to its end, on the real parts.

mod by_itself;
