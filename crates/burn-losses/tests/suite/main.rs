//! The tests that run over the registry, and those of single traps: one binary, since each links all of Burn.

mod chunks;
mod config_files;
mod devices;
mod engine;
mod golden;
mod laws;
mod models;
mod parity;
mod probe;
mod table;
mod traps;
