//! How a loss falls with the score of a region.

use crate::formula::Real;
use crate::regression::ln_cosh;
use burn_losses_derive::Choice;

/// How a loss falls with the score s of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum OverlapForm {
    /// 1 - s.
    #[default]
    Linear,
    /// -ln(max(s, 1e-7)): a region that is missed has a large gradient.
    Log,
    /// ln cosh(1 - s) (Jadon 2020, [arXiv 2006.14822](https://arxiv.org/abs/2006.14822)): the gradient falls where the region fits.
    LogCosh,
}

/// The least score whose logarithm is taken.
const LEAST: f64 = 1e-7;

impl OverlapForm {
    /// The value, from one minus the score.
    #[inline(always)]
    pub(super) fn of_miss<R: Real>(self, miss: R) -> R {
        match self {
            Self::Linear => miss,
            Self::Log => {
                let least = miss.lit(LEAST);
                -least.maximum(-miss + 1.0).ln()
            }
            Self::LogCosh => ln_cosh(miss),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;

    #[test]
    fn values_and_slopes_by_hand() {
        let at = |form: OverlapForm, miss: f64| {
            let at = form.of_miss(Dual::<f64, 1>::variable(miss, 0));
            (at.value, at.slope[0])
        };
        assert_eq!(at(OverlapForm::Linear, 0.25), (0.25, 1.0));
        for (form, value, slope) in [
            (OverlapForm::Log, -(0.75f64.ln()), 1.0 / 0.75),
            (OverlapForm::LogCosh, 0.25f64.cosh().ln(), 0.25f64.tanh()),
        ] {
            let got = at(form, 0.25);
            assert!((got.0 - value).abs() < 1e-12 && (got.1 - slope).abs() < 1e-12, "{form:?}: {got:?}");
            assert_eq!(at(form, 0.0).0, 0.0);
        }
        // A region that is missed altogether has a finite logarithm.
        assert_eq!(at(OverlapForm::Log, 1.0), (-(1e-7f64.ln()), 0.0));
    }
}
