//! The elastic net.

use crate::config::Range;
use crate::reduction::sum;
use burn::tensor::Tensor;

regularizer! {
    "elastic_net": "a blend of the absolute values and of half of the squares";

    /// Elastic net (Zou and Hastie 2005).
    ///
    /// # Formula
    /// ```text
    /// weight (l1_ratio sum |w| + (1 - l1_ratio) 1/2 sum w^2)
    /// ```
    ///
    /// # Elsewhere
    /// scikit-learn: `ElasticNet`, whose `alpha` is `weight`: the same.
    pub struct ElasticNet;

    /// Config of [`ElasticNet`].
    pub struct ElasticNetConfig {
        /// The share of the absolute values.
        l1_ratio: f64 = 0.5, Range::Closed(0.0, 1.0);
    }
}

penalise!(ElasticNet, |self, parameter| {
    let share = self.config.l1_ratio;
    sum(parameter.clone().abs()) * share + sum(parameter.square()) * ((1.0 - share) * 0.5)
});
