//! The prior of classes.

use crate::error::ConfigError;

/// The logarithms of the prior probabilities of the classes, from counts or probabilities of any sum, to each of which
/// `smoothing` is added.
pub(crate) fn log_prior(loss: &'static str, prior: &[f64], smoothing: f64) -> Result<Vec<f64>, ConfigError> {
    // The sum is taken relative to the largest entry: the entries may be as large as numbers are.
    let most = prior.iter().copied().fold(0.0, f64::max) + smoothing;
    let shares: Vec<f64> = prior.iter().map(|entry| entry / most + smoothing / most).collect();
    if let Some(at) = shares.iter().position(|share| *share <= 0.0 || !share.is_finite()) {
        return Err(ConfigError::InvalidValue {
            loss,
            field: format!("prior[{at}]"),
            value: prior[at].to_string(),
            allowed: "a number > 0, or 0 with a `smoothing` above 0".into(),
        });
    }
    let log_total = shares.iter().sum::<f64>().ln();
    Ok(shares.into_iter().map(|share| share.ln() - log_total).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priors_add_up_to_one() {
        for (prior, smoothing) in [(vec![3.0, 1.0], 0.0), (vec![1e308, 1e308, 1.0], 0.0), (vec![0.0, 0.0], 0.5)] {
            let sum: f64 = log_prior("loss", &prior, smoothing).unwrap().iter().map(|log| log.exp()).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{prior:?}");
        }
        assert!(log_prior("loss", &[0.0, 0.0], 0.0).is_err());
    }
}
