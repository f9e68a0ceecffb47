//! A claim of a paper, and what was measured.

use std::fmt;

use experiments::Error;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// Where a claim is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paper {
    /// Authors and year.
    pub(crate) name: &'static str,
    /// `arXiv 1708.02002` or `doi 10.2307/1913643`.
    pub(crate) id: &'static str,
}

impl Paper {
    /// The address of the paper.
    pub(crate) fn link(&self) -> String {
        match self.id.split_once(' ') {
            Some(("arXiv", number)) => format!("https://arxiv.org/abs/{number}"),
            Some(("doi", doi)) => format!("https://doi.org/{doi}"),
            _ => panic!("{} has neither arXiv nor doi", self.id),
        }
    }
}

/// A number that a paper states, and the band in which the measured one has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Claimed {
    /// This number, give or take `within`.
    Number {
        /// The number of the paper.
        value: f64,
        /// The largest difference that is allowed.
        within: f64,
    },
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

impl Claimed {
    /// An identity: the largest difference of its two sides is 0, up to rounding.
    pub(crate) const IDENTITY: Self = Self::Number { value: 0.0, within: 1e-9 };

    /// A number, give or take a share of it.
    pub(crate) const fn about(value: f64, share: f64) -> Self {
        Self::Number { value, within: share * value.abs() }
    }

    /// Whether a measured number is inside of the band. NaN is not.
    pub(crate) fn holds(&self, measured: f64) -> bool {
        match *self {
            Self::Number { value, within } => (measured - value).abs() <= within,
            Self::AtMost(most) => measured <= most,
            Self::AtLeast(least) => measured >= least,
        }
    }
}

impl fmt::Display for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Number { value, within } => write!(f, "{} +- {}", digits(value, DIGITS), digits(within, FEW)),
            Self::AtMost(most) => write!(f, "<= {}", digits(most, DIGITS)),
            Self::AtLeast(least) => write!(f, ">= {}", digits(least, DIGITS)),
        }
    }
}

/// The most digits of a number, and those of a band.
const DIGITS: i32 = 7;
const FEW: i32 = 2;

/// A number with at most this many digits.
fn digits(number: f64, most: i32) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let exponent = number.abs().log10().floor() as i32;
    if !(-4..DIGITS).contains(&exponent) {
        return format!("{number:.0e}");
    }
    let text = format!("{number:.*}", (most - 1 - exponent).max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A claim and how it is measured.
#[derive(Debug)]
pub(crate) struct Claim {
    /// The loss, `family/kind`.
    pub(crate) loss: &'static str,
    /// The paper.
    pub(crate) paper: Paper,
    /// What it says.
    pub(crate) what: &'static str,
    /// The number.
    pub(crate) claimed: Claimed,
    /// Whether it needs a training or a simulation.
    pub(crate) is_long: bool,
    /// Measures the number.
    pub(crate) measure: fn() -> Result<f64, Error>,
}

impl Claim {
    /// A claim that takes no time.
    pub(crate) const fn new(
        loss: &'static str,
        paper: Paper,
        what: &'static str,
        claimed: Claimed,
        measure: fn() -> Result<f64, Error>,
    ) -> Self {
        Self { loss, paper, what, claimed, is_long: false, measure }
    }

    /// The same claim, which needs a training or a simulation.
    pub(crate) const fn long(self) -> Self {
        Self { is_long: true, ..self }
    }
}

/// A claim with what was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The claim.
    pub(crate) claim: &'static Claim,
    /// The number.
    pub(crate) value: Result<f64, Error>,
    /// How long it took.
    pub(crate) seconds: f64,
}

impl Measured {
    /// Whether the number is inside of its band.
    pub(crate) fn holds(&self) -> bool {
        self.value.as_ref().is_ok_and(|value| self.claim.claimed.holds(*value))
    }

    /// The verdict in one word.
    pub(crate) fn verdict(&self) -> &'static str {
        if self.holds() { "holds" } else { "MISSED" }
    }

    /// The number, or the error.
    pub(crate) fn shown(&self) -> String {
        match &self.value {
            Ok(value) => digits(*value, DIGITS),
            Err(error) => error.to_string(),
        }
    }
}

impl Serialize for Measured {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let claim = self.claim;
        let mut fields = serializer.serialize_struct("Measured", 9)?;
        fields.serialize_field("loss", claim.loss)?;
        fields.serialize_field("paper", claim.paper.name)?;
        fields.serialize_field("link", &claim.paper.link())?;
        fields.serialize_field("claim", claim.what)?;
        fields.serialize_field("claimed", &claim.claimed.to_string())?;
        fields.serialize_field("measured", &self.value.as_ref().ok())?;
        fields.serialize_field("error", &self.value.as_ref().err().map(ToString::to_string))?;
        fields.serialize_field("holds", &self.holds())?;
        fields.serialize_field("seconds", &self.seconds)?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands() {
        let near = Claimed::about(-2.0, 0.01);
        assert!(near.holds(-2.019) && !near.holds(-2.021) && !near.holds(f64::NAN));
        assert!(Claimed::AtMost(1.0).holds(1.0) && !Claimed::AtMost(1.0).holds(1.1));
        assert!(Claimed::AtLeast(1.0).holds(1.0) && !Claimed::AtLeast(1.0).holds(f64::NAN));
    }

    #[test]
    fn numbers_are_short() {
        let numbers = [0.95, 4.510_860_4, 976.5625, 100.0, 0.0, 1e-9, -0.4133, 2.6e-5];
        let expected = ["0.95", "4.51086", "976.5625", "100", "0", "1e-9", "-0.4133", "3e-5"];
        assert_eq!(numbers.map(|number| digits(number, DIGITS)), expected);
        assert_eq!([0.004133, 30.0, 4.1e-6].map(|number| digits(number, FEW)), ["0.0041", "30", "4e-6"]);
        assert_eq!(Claimed::AtLeast(0.5).to_string(), ">= 0.5");
    }

    #[test]
    fn papers_have_addresses() {
        let link = |id| Paper { name: "", id }.link();
        assert_eq!(link("arXiv 1708.02002"), "https://arxiv.org/abs/1708.02002");
        assert_eq!(link("doi 10.2307/1913643"), "https://doi.org/10.2307/1913643");
    }
}
