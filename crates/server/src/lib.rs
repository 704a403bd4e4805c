//! HTTP served by the controller's process: health and readiness.
