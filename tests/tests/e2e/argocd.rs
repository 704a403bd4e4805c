//! Argo CD and Sluice: it installs it, and knows how healthy its objects are.

mod health;
mod install;
