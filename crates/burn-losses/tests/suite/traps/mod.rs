//! The bugs of other libraries, each as a test, named by its number:
//!
//! | number | what goes wrong elsewhere |
//! |---|---|
//! | T1, T2 | ignored rows enter the smoothing term or the divisor; weights, smoothing and ignored rows crash together |
//! | T3 | a batch whose rows are all ignored is NaN |
//! | T4 | a label out of range is accepted without a word |
//! | T5, T6, T7 | what a weighted mean divides by; which weight multiplies the smoothed mass; ignored rows are counted |
//! | T8 | a masked NaN or infinity comes through as 0 times infinity |
//! | T9 | a smoothed row of targets does not sum to 1 (`cross_entropy.rs`) |
//! | T10 | a common offset of the logits changes the value |
//! | T11, T14b | probabilities of 0 and 1 give infinities; the index to ignore has to be a class |
//! | T14 | the defaults do not run (`laws/`) |
//! | T14c | the weights of ignored rows are in the divisor |
//! | T15, T16, T17 | focal loss is NaN at saturated logits, for gamma = 0 or < 1, or in half precision |
//! | T18, T19 | the side and the meaning of alpha; a multi-class focal loss that sums sigmoids |
//! | T20, T21 | reductions of focal loss; a batch of background alone |
//! | T22 | GHM: the first step is scaled, empty bins keep their count, g = 1 has no bin, the state is not saved |
//! | T23 | OHEM keeps the easy ones, or more than k at ties, or fails when k > n |
//! | T12, T13 | the gradient of a divergence at a target of 0; a mean over N C; CPU and GPU differ |
//! | T24, T25 | Dice overflows in half precision; empty masks |
//! | T26, T31 | ignored pixels leak, a label above C fails, one-hot masks that are not exactly 0 and 1 |
//! | T27, T28 | weights of absent classes; alpha and beta of Tversky swapped or without effect |
//! | T29, T30 | a Dice loss outside [0, 1]; absent classes in the mean |
//! | T32, T33 | identical, degenerate and inverted boxes give NaN |
//! | T34 | a NaN stops the program, or is not seen |
//! | T35 | areas overflow in half precision |
//! | T36, T37 | CIoU's gradient (`ciou.rs`) |
//! | T38 | an eps that is not in every term (`giou.rs`, and here) |
//! | T39, T40, T41 | aspect ratios of inverted boxes; weights `[N, 4]`; no boxes |
//! | T42, T43, T44 | Focal-EIoU at no overlap; CDIoU's corners (`cdiou.rs`); the logarithm of no overlap (`iou.rs`) |
//! | T45, T46, T47, T48, T49 | smooth L1 at 0; beta and delta; log-cosh overflows; the sign of a quantile (`quantile.rs`); squares in f16 |
//! | T50, T51, T52, T53 | no valid pair is NaN; gradients at distance 0 and of zero vectors; signs in a distance |
//! | T54, T55, T56, T57 | margins at a cosine of 1 and -1, beyond pi, with a gradient that is not theirs (`arcface.rs`, and here) |
//! | T58, T59, T60, T61 | lists of triplets; margins that are no integers; the update of centers; degrees |
//! | T62 | negatives gathered from other devices are scaled by their number: here nothing is gathered, and parts add up by a divisor (`clip.rs`, `laws/`) |
//! | T63, T64, T66 | chunks: the weight's gradient with an upstream that is not uniform; odd sizes and the bias; the loss curve (`chunks.rs`) |
//! | T65 | more logits than 2^31 (`tests/memory.rs`, at full size) |
//! | T67 | inputs are changed in place (`parity.rs`) |
//! | T68 | Crammer-Singer counts a wrong class with the score 0 |
//! | T75 | a sum of one term is not the term, since what it divides by is lost (`laws/`) |
//! | T77, T82 | units and shapes that make a loss constant; gradients that nobody looks at, or that half precision rounds to 0 |
//! | T78 | a byte order mark, equal keys, numbers beyond a type, endless messages (`config_files.rs`) |
//! | T79 | a schedule in floats is a step late, and a count of floats stops at 2^24 (`composition`, `engine/steps.rs`) |
//! | T80, T81, T85 | masks by their type; a number of axes where the shape is known; an error that is found under one name alone |
//! | T74, T76, T83, T84, T86 | infinities; ties; accuracy that changes with the size; zero times anything; extremes of a range (`laws/`) |
//! | T70, T71, T72 | none-then-mean is not mean; configs do not survive a round trip; options without effect (`laws/`) |

mod arguments;
mod batches;
mod boxes;
mod config_files;
mod distributions;
mod embeddings;
mod errors;
mod focal;
mod inputs;
mod labels;
mod mining;
mod page;
mod regions;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use burn_losses::eval::Evaluation;

pub(crate) const F64: DType = DType::F64;

pub(crate) fn flex() -> Device {
    Device::flex().autodiff()
}

pub(crate) fn vector(data: &[f64], device: &Device, dtype: DType) -> Tensor<1> {
    Tensor::from_data(TensorData::new(data.to_vec(), [data.len()]), (device, dtype))
}

pub(crate) fn matrix<const C: usize>(rows: &[[f64; C]], device: &Device, dtype: DType) -> Tensor<2> {
    Tensor::from_data(TensorData::new(rows.concat(), [rows.len(), C]), (device, dtype))
}

pub(crate) fn ints(data: &[i64], device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(data.to_vec(), [data.len()]), device)
}

pub(crate) fn number(tensor: Tensor<1>) -> f64 {
    tensor.into_scalar()
}

pub(crate) fn list<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().convert::<f64>().iter().collect()
}

/// Whether the loss, the unreduced values and all gradients are finite.
pub(crate) fn is_finite(evaluation: &Evaluation) -> bool {
    let tensors = evaluation.gradients.values().chain([&evaluation.unreduced]);
    evaluation.loss.is_finite() && tensors.into_iter().all(|data| data.iter::<f64>().all(f64::is_finite))
}

pub(crate) fn assert_near(got: f64, expected: f64) {
    assert!((got - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "{got} against {expected}");
}
