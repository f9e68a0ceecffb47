//! The terms of a loss, one number each.

use burn::tensor::Tensor;
use std::sync::Arc;

/// What each term of a loss came to in one step: for the dashboard, not for the gradient.
///
/// The numbers stay on the device. `LossTermMetric` of the feature `train` reads them on the learner's metric thread.
#[derive(Debug, Clone)]
pub struct LossTerms {
    names: Arc<[String]>,
    values: Tensor<1>,
}

impl LossTerms {
    /// From the names and the values of the terms, which are `[1]` each.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::composition::LossTerms;
    ///
    /// let device = Device::flex();
    /// let value = |value: f32| Tensor::from_floats([value], &device);
    /// let names = ["cross_entropy".to_string(), "dice".to_string()];
    /// let terms = LossTerms::new(names, [value(0.7), value(0.2)]);
    /// assert_eq!(terms.values().into_data().to_vec::<f32>().unwrap(), [0.7, 0.2]);
    /// ```
    ///
    /// # Panics
    /// If there are not as many names as values, or none.
    #[track_caller]
    pub fn new(names: impl Into<Arc<[String]>>, values: impl IntoIterator<Item = Tensor<1>>) -> Self {
        let (names, values) = (names.into(), values.into_iter().map(Tensor::detach).collect::<Vec<_>>());
        assert!(
            names.len() == values.len() && !names.is_empty(),
            "LossTerms: `values` has {} values, expected one for each of the {} names, and at least one",
            values.len(),
            names.len()
        );
        Self { names, values: Tensor::cat(values, 0) }
    }

    /// The names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The values, one per name.
    pub fn values(&self) -> Tensor<1> {
        self.values.clone()
    }

    /// The same off the autodiff backend.
    #[cfg(feature = "train")]
    pub(crate) fn without_autodiff(self) -> Self {
        Self { values: self.values.without_autodiff(), ..self }
    }
}
