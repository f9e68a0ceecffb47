//! One loss of several outputs of a network.

use burn::tensor::kind::Numeric;
use burn::tensor::{Int, Tensor, TensorData};

/// One loss of several outputs of a network, each of another resolution (Lee et al. 2015,
/// [arXiv 1409.5185](https://arxiv.org/abs/1409.5185)).
///
/// # Formula
/// With the outputs y_0, y_1, .. from the finest to the coarsest, and the targets t:
/// ```text
/// sum_l w_l loss(y_l, nearest(t, size of y_l)),  w_l = max(2^-l, 1/16) by default
/// ```
/// The weights do not add up to 1. The targets are resized to each output by the nearest neighbor: pixel i of m is pixel
/// floor((i + 1/2) n / m) of n. So a label stays a label, and a mask stays a mask.
///
/// # When to use
/// For U-Nets and other decoders that predict at each of their levels: the coarse levels get a gradient of their own. With outputs of the
/// same size (auxiliary heads) the targets stay as they are.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::composition::DeepSupervision;
/// use burn_losses::{prelude::*, segmentation::DiceLossConfig};
///
/// let device = Device::flex();
/// let loss = DiceLossConfig::new().init(&device);
/// let outputs = [8, 4, 2].map(|side| Tensor::<4>::zeros([1, 1, side, side], &device));
/// let masks = Tensor::<4>::ones([1, 1, 8, 8], &device);
/// let value = DeepSupervision::new().forward(outputs.clone(), masks.clone(), |logits, masks| loss.forward(logits, masks));
/// let finest = loss.forward(outputs[0].clone(), masks);
/// assert!(value.into_scalar::<f32>() > finest.into_scalar::<f32>());
/// ```
///
/// # Elsewhere
/// - `monai.losses.DeepSupervisionLoss`: the same with `weight_mode="exp"`, its default. The modes `same` and `two` are
///   [`with_weights`](Self::with_weights) `[1.0, 1.0, ..]` and `[1.0, 0.5, ..]`.
/// - nnU-Net: the weights 2^-l of all levels but the coarsest, divided by their sum.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeepSupervision {
    /// One per output; empty for weights that are halved.
    weights: Vec<f64>,
}

impl DeepSupervision {
    /// The lowest of the default weights.
    pub const LOWEST: f64 = 1.0 / 16.0;

    /// Half the weight from one output to the next, and at least [`LOWEST`](Self::LOWEST).
    pub fn new() -> Self {
        Self::default()
    }

    /// With a weight for each output.
    ///
    /// # Panics
    /// If there is no weight, or if one of them is no finite number above 0.
    #[track_caller]
    pub fn with_weights(self, weights: impl Into<Vec<f64>>) -> Self {
        let weights = weights.into();
        assert!(
            !weights.is_empty() && weights.iter().all(|weight| *weight > 0.0 && weight.is_finite()),
            "DeepSupervision: `weights` is {weights:?}, allowed: at least one number > 0, one for each output"
        );
        Self { weights }
    }

    /// The weighted sum of the loss of each output, `[1]`.
    ///
    /// # Shapes
    /// - outputs: `[N, C, d1, ..]` each, the finest first
    /// - targets: as the loss takes them, with the same number of spatial axes at their end: `[N, d1, ..]`, `[N, C, d1, ..]`
    /// - result of the loss: `[1]`
    ///
    /// # Panics
    /// Without outputs, if there are not as many outputs as weights, and if the loss panics.
    #[track_caller]
    pub fn forward<const D: usize, const T: usize, K: Numeric>(
        &self,
        outputs: impl IntoIterator<Item = Tensor<D>>,
        targets: Tensor<T, K>,
        loss: impl Fn(Tensor<D>, Tensor<T, K>) -> Tensor<1>,
    ) -> Tensor<1> {
        let outputs: Vec<_> = outputs.into_iter().collect();
        let halved = (0..outputs.len()).map(|level| 0.5f64.powi(level as i32).max(Self::LOWEST));
        let weights: Vec<f64> = if self.weights.is_empty() { halved.collect() } else { self.weights.clone() };
        assert!(
            outputs.len() == weights.len(),
            "DeepSupervision: `outputs` has {} outputs, expected {}: one for each of the `weights`",
            outputs.len(),
            weights.len()
        );
        let value = |(output, weight): (Tensor<D>, f64)| {
            let targets = resize_nearest(targets.clone(), output.dims().get(2..).unwrap_or(&[]));
            loss(output, targets) * weight
        };
        let total = outputs.into_iter().zip(weights).map(value).reduce(|total, value| total + value);
        total.expect("DeepSupervision: `outputs` has no output, expected at least one")
    }
}

/// Resizes the last axes of a tensor to these sizes by the nearest neighbor: pixel i of m is pixel floor((i + 1/2) n / m) of n.
///
/// It is what [`DeepSupervision`] does to targets. Weights of pixels are resized in the same way, and masks as integers.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::composition::resize_nearest;
///
/// let labels = Tensor::<2, Int>::from_ints([[0, 1, 2, 3]], &Device::flex());
/// let halved: Vec<i64> = resize_nearest(labels, &[2]).into_data().iter().collect();
/// assert_eq!(halved, [1, 3]);
/// ```
///
/// # Panics
/// If the tensor has fewer axes than there are sizes, or if an axis to be resized is empty.
#[track_caller]
pub fn resize_nearest<const T: usize, K: Numeric>(tensor: Tensor<T, K>, sizes: &[usize]) -> Tensor<T, K> {
    assert!(
        sizes.len() <= T,
        "resize_nearest: `tensor` has {T} axes, expected at least {}: one for each of the sizes {sizes:?}",
        sizes.len()
    );
    let first = T - sizes.len();
    sizes.iter().enumerate().fold(tensor, |tensor, (axis, &wanted)| {
        let given = tensor.dims()[first + axis];
        if given == wanted {
            return tensor;
        }
        assert!(given > 0, "resize_nearest: axis {} of `tensor` is empty, expected at least one entry", first + axis);
        let nearest: Vec<i64> = (0..wanted).map(|i| ((2 * i + 1) * given / (2 * wanted)) as i64).collect();
        let nearest = Tensor::<1, Int>::from_data(TensorData::new(nearest, [wanted]), &tensor.device());
        tensor.select(first + axis, nearest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn labels(labels: [i64; 6]) -> Tensor<2, Int> {
        Tensor::from_ints([labels], &Device::flex())
    }

    fn numbers<const D: usize, K: Numeric>(tensor: Tensor<D, K>) -> Vec<i64> {
        tensor.into_data().iter::<i64>().collect()
    }

    #[test]
    fn nearest_by_hand() {
        let six = || labels([10, 11, 12, 13, 14, 15]);
        assert_eq!(numbers(resize_nearest(six(), &[6])), [10, 11, 12, 13, 14, 15]);
        assert_eq!(numbers(resize_nearest(six(), &[3])), [11, 13, 15]);
        assert_eq!(numbers(resize_nearest(six(), &[2])), [11, 14]);
        // (i + 1/2) 6 / 4 is 0.75, 2.25, 3.75, 5.25.
        assert_eq!(numbers(resize_nearest(six(), &[4])), [10, 12, 13, 15]);
        assert_eq!(numbers(resize_nearest(six(), &[])), numbers(six()));
        let two = Tensor::<2, Int>::from_ints([[1, 2], [3, 4]], &Device::flex());
        assert_eq!(numbers(resize_nearest(two.clone(), &[1, 2])), [3, 4]);
        assert_eq!(numbers(resize_nearest(two, &[2, 4])), [1, 1, 2, 2, 3, 3, 4, 4]);
    }

    /// The value of outputs with a loss of 5 each.
    fn of_levels(deep: &DeepSupervision, levels: usize) -> f32 {
        let device = Device::flex();
        let outputs = (0..levels).map(|_| Tensor::<3>::ones([1, 1, 2], &device));
        let targets = Tensor::<2>::from_floats([[1.0, 3.0, 5.0, 7.0]], &device);
        // Of four targets the second and the fourth are left.
        deep.forward(outputs, targets, |output, targets| (output.reshape([1, 2]) * targets).mean()).into_scalar()
    }

    #[test]
    fn the_weights_by_hand() {
        assert_eq!(of_levels(&DeepSupervision::new(), 1), 5.0);
        assert_eq!(of_levels(&DeepSupervision::new(), 3), 5.0 * 1.75);
        // 1 + 1/2 + 1/4 + 1/8 + 1/16 + 1/16.
        assert_eq!(of_levels(&DeepSupervision::new(), 6), 5.0 * 2.0);
        assert_eq!(of_levels(&DeepSupervision::new().with_weights([1.0, 3.0]), 2), 20.0);
    }

    #[test]
    #[should_panic(expected = "`outputs` has 3 outputs, expected 2")]
    fn a_weight_for_each_output() {
        of_levels(&DeepSupervision::new().with_weights([1.0, 1.0]), 3);
    }

    #[test]
    #[should_panic(expected = "allowed: at least one number > 0")]
    fn no_weight_of_nothing() {
        DeepSupervision::new().with_weights([1.0, f64::NAN]);
    }

    #[test]
    #[should_panic(expected = "`tensor` has 2 axes, expected at least 3")]
    fn axes_that_are_not_there() {
        resize_nearest(labels([0; 6]), &[1, 1, 1]);
    }
}
