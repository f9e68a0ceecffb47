//! The switch of all mutants. This file becomes a module of the library's copy, which `cargo xtask mutants` tests.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The most mutants of a build.
const MOST: u32 = 16_384;

/// The environment has not been read yet.
const UNREAD: u32 = u32::MAX;

/// No mutant is on, and those that are reached are noted.
const RECORD: u32 = u32::MAX - 1;

/// The mutant that is on; a number that no mutant has if none is.
static ACTIVE: AtomicU32 = AtomicU32::new(UNREAD);

/// The mutants that have been noted, a bit each.
static SEEN: [AtomicU32; MOST as usize / 32] = [const { AtomicU32::new(0) }; MOST as usize / 32];

/// Whether this mutant is on. It is inlined, so that kernels stay kernels.
#[inline(always)]
pub(crate) fn is_on(mutant: u32) -> bool {
    let active = ACTIVE.load(Relaxed);
    if active < RECORD { active == mutant } else { is_on_at_first(mutant) }
}

#[cold]
#[inline(never)]
fn is_on_at_first(mutant: u32) -> bool {
    if ACTIVE.load(Relaxed) == UNREAD {
        ACTIVE.store(from_environment(), Relaxed);
    }
    let active = ACTIVE.load(Relaxed);
    if active == RECORD {
        note(mutant);
    }
    active == mutant
}

/// The number in the environment, or `record`. Without the variable no mutant is on.
fn from_environment() -> u32 {
    match std::env::var("BURN_LOSSES_MUTANT") {
        Ok(word) if word == "record" => RECORD,
        Ok(number) => number.parse().expect("BURN_LOSSES_MUTANT is a number"),
        Err(_) => MOST,
    }
}

/// Appends the number to a file when its mutant is reached for the first time.
fn note(mutant: u32) {
    let bit = 1 << (mutant % 32);
    if SEEN[mutant as usize / 32].fetch_or(bit, Relaxed) & bit != 0 {
        return;
    }
    let path = std::env::var_os("BURN_LOSSES_MUTANTS_REACHED").expect("the file is named");
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
    file.write_all(format!("{mutant}\n").as_bytes()).expect("a file that takes a line");
}
