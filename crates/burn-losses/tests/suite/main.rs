//! The tests that run over the registry, and those of single traps. They are one binary, since each binary links all of Burn.

mod chunks;
mod composition;
mod config_files;
mod devices;
mod diagnose;
mod engine;
mod golden;
mod gpu;
mod guide;
mod heads;
mod laws;
mod models;
mod parity;
mod probe;
mod repository;
mod schema;
mod traps;
mod twins;
mod vectors;
