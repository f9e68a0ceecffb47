//! The tests that run over the registry, and those of single traps. They are one binary, since each binary links all of Burn.

mod chunks;
mod composition;
mod config_files;
#[path = "../../benches/losses/cpu.rs"]
mod cpu;
mod devices;
mod diagnose;
mod engine;
mod golden;
mod gpu;
mod guide;
mod heads;
mod laws;
mod matrix;
mod models;
mod parity;
mod probe;
mod properties;
mod repository;
mod schema;
mod second_order;
mod traps;
mod twins;
mod vectors;
mod worked_examples;
