//! The terms of a loss, one number each.

use burn::tensor::Tensor;
use std::sync::Arc;

/// One number per term of a loss, in one step: for the dashboard, not for the gradient.
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
    /// assert_eq!(terms.get("dice").unwrap().into_scalar::<f32>(), 0.2);
    /// ```
    ///
    /// # Panics
    /// If there are not as many names as values, or none.
    #[track_caller]
    pub fn new(names: impl Into<Arc<[String]>>, values: impl IntoIterator<Item = Tensor<1>>) -> Self {
        let (names, values) = (names.into(), values.into_iter().collect::<Vec<_>>());
        assert!(
            names.len() == values.len() && !names.is_empty(),
            "LossTerms: `values` has {} values, expected one for each of the {} names, and at least one",
            values.len(),
            names.len()
        );
        Self::from_tensor(names, Tensor::cat(values, 0))
    }

    /// From as many values as names.
    pub(crate) fn from_tensor(names: Arc<[String]>, values: Tensor<1>) -> Self {
        Self { names, values: values.without_autodiff() }
    }

    /// The names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The values, one per name.
    pub fn values(&self) -> Tensor<1> {
        self.values.clone()
    }

    /// The value of one term, `[1]`.
    pub fn get(&self, name: &str) -> Option<Tensor<1>> {
        let at = self.names.iter().position(|known| known == name)?;
        Some(self.values.clone().narrow(0, at, 1))
    }
}
