//! Logits and a distribution for each row in, one cross-entropy per row out: what the fused engine has of it.

use burn::tensor::Tensor;

/// What the distribution q of a row is made of, and what the value of the row is.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "cpu-engine"), allow(dead_code))]
pub(crate) enum Target {
    /// q = softmax(sharpness ln t) of probabilities t, or of their logarithms; the value is KL(q || softmax(sharpness x)).
    Softened { sharpness: f64, is_logarithm: bool },
    /// One number y from 0 to C - 1: its two neighbours share it. The value is -sum_c q_c ln softmax(x)_c; NaN elsewhere.
    Between,
}

/// The values `[M]` of `[M, C]` logits, in their graph. `None` where there is no kernel for these tensors.
pub(crate) fn values(target: Target, logits: &Tensor<2>, targets: &Tensor<2>) -> Option<Tensor<1>> {
    let _ = (target, logits, targets);
    #[cfg(feature = "cpu-engine")]
    return super::cpu::soft::values(target, logits, targets);
    #[cfg(not(feature = "cpu-engine"))]
    None
}
