//! How the processes of Sluice talk to the API server: clients that send nothing twice by themselves and whose answers no object can
//! make unreadable, clients that act as service accounts, and the controllers that watch a kind.
//!
//! It knows no kind of Sluice and decides nothing; the controller, the server and the commands use it.

pub mod accounts;
pub mod causes;
pub mod client;
pub mod controllers;
pub mod guarded;
pub mod lean;
pub mod patch;
pub mod quarantine;
pub mod refusals;
