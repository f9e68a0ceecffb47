//! The gradient harmonising mechanism (Li et al. 2019, arXiv 1811.05181): weights that give every non-empty bin of gradient
//! norms the same say.

use super::{new_state, set_state, state_on};
use crate::reduction::sum;
use burn::module::{Module, RunningState};
use burn::tensor::{Device, Int, Tensor};
#[cfg(feature = "cpu-engine")]
use {super::backward::like, burn::tensor::TensorData};

/// The number of samples per bin, smoothed over the steps; saved with the module.
#[derive(Module, Debug)]
pub struct GhmCounts {
    counts: RunningState<Tensor<1>>,
}

impl GhmCounts {
    pub(crate) fn new(bins: usize, device: &Device) -> Self {
        Self { counts: new_state([bins], 0.0, device) }
    }

    /// The smoothed counts as they are now: `[bins]`, all 0 before the first step.
    pub fn value(&self) -> Tensor<1> {
        self.counts.value_sync()
    }

    /// beta of each value, from its gradient norm in [0, 1]; takes the batch into the counts when training, that is at every
    /// forward pass on a device with autodiff.
    ///
    /// beta = total / (smoothed count of the value's bin x number of bins that are not empty in this batch).
    pub(crate) fn weights<const D: usize>(&self, gradient_norm: Tensor<D>, momentum: f64) -> Tensor<D> {
        let shape = gradient_norm.dims();
        let total = gradient_norm.shape().num_elements();
        let norm = gradient_norm.detach().reshape([total]);
        #[cfg(feature = "cpu-engine")]
        if let Some(weights) = self.weights_in_memory(&norm, momentum) {
            return weights.reshape(shape);
        }
        let old = state_on(&self.counts, &norm.device()).cast(norm.dtype());
        let bins = old.dims()[0];
        // Also a norm that is not a number gets a bin: an index out of bounds would corrupt memory on a GPU.
        let number = norm.clone().mask_fill(norm.clone().is_nan(), 0.0);
        let bin: Tensor<1, Int> = (number * bins as f64).int().clamp(0, bins as i64 - 1);
        let batch = Tensor::cat(
            (0..bins as i64)
                .map(|b| {
                    let inside = bin.clone().equal_elem(b);
                    sum(norm.zeros_like().mask_fill(inside, 1.0))
                })
                .collect(),
            0,
        );

        let first_step = old.clone().sum().equal_scalar(0.0).expand([bins]);
        let blended = old * momentum + batch.clone() * (1.0 - momentum);
        let smoothed = blended.mask_where(first_step, batch.clone());
        if norm.device().is_autodiff() {
            set_state(&self.counts, smoothed.clone());
        }

        let empty = batch.equal_scalar(0.0);
        let filled = empty.clone().bool_not().int().sum().float().cast(norm.dtype());
        let weights = (smoothed.mask_fill(empty, 1.0) * filled.expand([bins])).recip() * total as f64;
        weights.select(0, bin).reshape(shape)
    }

    /// The same where the norms can be counted by hand.
    #[cfg(feature = "cpu-engine")]
    fn weights_in_memory(&self, norm: &Tensor<1>, momentum: f64) -> Option<Tensor<1>> {
        use super::cpu::host;
        let old: Vec<f64> = self.value().into_data().iter::<f64>().collect();
        let batch = host::counts(norm, old.len())?;
        let is_first = old.iter().sum::<f64>() == 0.0;
        let blend =
            |(old, batch): (&f64, &f64)| if is_first { *batch } else { old * momentum + batch * (1.0 - momentum) };
        let smoothed: Vec<f64> = old.iter().zip(&batch).map(blend).collect();
        if norm.device().is_autodiff() {
            let counts = TensorData::new(smoothed.clone(), [old.len()]);
            set_state(&self.counts, Tensor::from_data(counts, (&norm.device(), norm.dtype())));
        }
        let filled = batch.iter().filter(|count| **count > 0.0).count() as f64;
        let total = norm.dims()[0] as f64;
        let weight = |(batch, smoothed): (&f64, &f64)| if *batch == 0.0 { 0.0 } else { total / (smoothed * filled) };
        let weights: Vec<f64> = batch.iter().zip(&smoothed).map(weight).collect();
        Some(like(norm, host::of_bins(norm, &weights)?))
    }
}
