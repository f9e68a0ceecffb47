//! Prediction intervals: from the outputs of a network to the bounds that 90 % of the targets should lie between.

use burn::tensor::Tensor;
use burn_losses::likelihood::{GaussianNllLossConfig, LaplaceNllLossConfig, LikelihoodLossConfig, SpreadForm};

/// The levels of the lower bound, the median and the upper bound.
pub const LEVELS: [f64; 3] = [0.05, 0.5, 0.95];
/// The share of the targets that lie outside of a right interval.
pub const OUTSIDE: f64 = 0.1;
/// The distance of the bounds from the mean of a Gaussian, in standard deviations.
const GAUSSIAN: f64 = 1.644_853_626_951_472_2;
/// The same of a Laplace distribution: ln(10) / sqrt(2).
const LAPLACE: f64 = 1.628_173_533_515_146_8;

/// How the outputs of a network give the bounds and the median.
#[derive(Debug, Clone, PartialEq)]
pub enum Bounds {
    /// The outputs are quantiles of these levels.
    Quantiles(Vec<f64>),
    /// The outputs are a mean and the logarithm of a variance; the bounds are this many deviations from the mean.
    Deviations(f64),
}

impl Bounds {
    /// The bounds that belong to a loss; the error says why it has none.
    pub fn new(config: &LikelihoodLossConfig) -> Result<Self, String> {
        match config {
            LikelihoodLossConfig::MultiQuantile(config) => {
                let levels = config.taus.levels();
                let ends = [levels.first(), levels.last()];
                if ends != [LEVELS.first(), LEVELS.last()] || !levels.contains(&LEVELS[1]) {
                    return Err(format!(
                        "the levels are from {} to {}, with {} among them",
                        LEVELS[0], LEVELS[2], LEVELS[1]
                    ));
                }
                Ok(Self::Quantiles(levels.to_vec()))
            }
            LikelihoodLossConfig::GaussianNll(GaussianNllLossConfig { spread: SpreadForm::LogVariance, .. }) => {
                Ok(Self::Deviations(GAUSSIAN))
            }
            LikelihoodLossConfig::LaplaceNll(LaplaceNllLossConfig { spread: SpreadForm::LogVariance, .. }) => {
                Ok(Self::Deviations(LAPLACE))
            }
            other => Err(format!("intervals of {} are not known with these settings", other.kind())),
        }
    }

    /// How many outputs the network has.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Quantiles(levels) => levels.len(),
            Self::Deviations(_) => 2,
        }
    }

    /// The lower bound, the median and the upper bound, `[rows, 3]`, from the outputs of the network.
    pub fn select(&self, outputs: Tensor<2>) -> Tensor<2> {
        let column = |at: usize| outputs.clone().narrow(1, at, 1);
        match self {
            Self::Quantiles(levels) => {
                let place = |level: &f64| levels.iter().position(|l| l == level).expect("checked by `new`");
                Tensor::cat(LEVELS.iter().map(|level| column(place(level))).collect(), 1)
            }
            Self::Deviations(factor) => {
                let (mean, reach) = (column(0), (column(1) * 0.5).exp() * *factor);
                Tensor::cat(vec![mean.clone() - reach.clone(), mean.clone(), mean + reach], 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn bounds(text: &str) -> Result<Bounds, String> {
        Bounds::new(&serde_json::from_str(text).unwrap())
    }

    fn select(bounds: &Bounds, outputs: &[f32]) -> Vec<f32> {
        let outputs = Tensor::<1>::from_floats(outputs, &Device::flex()).unsqueeze();
        bounds.select(outputs).into_data().iter().collect()
    }

    #[test]
    fn bounds_by_hand() {
        let quantiles = bounds(r#"{"kind": "multi_quantile", "taus": [0.05, 0.25, 0.5, 0.95]}"#).unwrap();
        assert_eq!(quantiles.outputs(), 4);
        assert_eq!(select(&quantiles, &[1.0, 2.0, 3.0, 4.0]), [1.0, 3.0, 4.0]);
        // A variance of 4 is a deviation of 2.
        let gaussian = bounds(r#"{"kind": "gaussian_nll"}"#).unwrap();
        let got = select(&gaussian, &[1.0, 4f32.ln()]);
        let expected = [1.0 - 3.289_707, 1.0, 1.0 + 3.289_707];
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{got:?}");
        // P(|x| < q) = 1 - e^(-q / b), and b is the deviation over the root of 2.
        let inside = 1.0 - (-LAPLACE * 2f64.sqrt()).exp();
        assert!((inside - (1.0 - OUTSIDE)).abs() < 1e-12, "{inside}");
    }

    #[test]
    fn other_losses_are_refused() {
        assert!(bounds(r#"{"kind": "multi_quantile", "taus": [0.1, 0.5, 0.9]}"#).unwrap_err().contains("0.05"));
        assert!(bounds(r#"{"kind": "gaussian_nll", "spread": "variance"}"#).unwrap_err().contains("gaussian_nll"));
    }
}
