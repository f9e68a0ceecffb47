//! What was measured, beside what is allowed.

/// Checks that were made, and whether all of them hold.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    missed: usize,
}

impl Checks {
    /// Checks that a number is at most `most`, and prints it.
    pub(crate) fn at_most(&mut self, what: &str, measured: f64, most: f64) {
        self.that(&format!("{what}: {measured:.3}, allowed: at most {most}"), measured <= most);
    }

    /// Checks that something is the case, and prints it.
    pub(crate) fn that(&mut self, what: &str, holds: bool) {
        let verdict = if holds { "holds" } else { "MISSED" };
        println!("{verdict:6}  {what}");
        self.missed += usize::from(!holds);
    }

    /// Whether all checks hold.
    pub(crate) fn hold(&self) -> bool {
        self.missed == 0
    }
}
