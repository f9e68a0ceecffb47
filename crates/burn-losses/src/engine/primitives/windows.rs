//! Weighted sums over windows.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::custom_backward::custom_backward;
use burn::tensor::Tensor;

/// Slides a window along axis 1 of `[outer, L, inner]`: the sums of its numbers, each times its weight, at every place where the
/// window fits, `[outer, L + 1 - weights, inner]`.
///
/// As a custom backward it keeps no number for the backward pass, however long the window is.
pub(crate) fn slide(numbers: Tensor<3>, weights: &[f64]) -> Tensor<3> {
    let parent = AnyTensor::from(&numbers);
    if !parent.is_tracked() {
        return sums(numbers, weights);
    }
    let mut reversed = weights.to_vec();
    reversed.reverse();
    let value = sums(parent.clone().without_autodiff().into_rank(), weights);
    let backward = move |upstream: AnyTensor| vec![Some(spread(upstream.into_rank(), &reversed).into())];
    let attached = custom_backward(value.into(), &[parent], backward);
    attached.map_or_else(|| sums(numbers, weights), AnyTensor::into_rank)
}

/// The gradient: what each number adds to the windows that it is in. The weights are in reverse order.
fn spread(upstream: Tensor<3>, reversed: &[f64]) -> Tensor<3> {
    let [outer, _, inner] = upstream.dims();
    let beyond = Tensor::zeros([outer, reversed.len() - 1, inner], (&upstream.device(), upstream.dtype()));
    match reversed.len() {
        1 => upstream * reversed[0],
        _ => sums(Tensor::cat(vec![beyond.clone(), upstream, beyond], 1), reversed),
    }
}

fn sums(numbers: Tensor<3>, weights: &[f64]) -> Tensor<3> {
    let [outer, size, inner] = numbers.dims();
    let length = size + 1 - weights.len();
    // With the axis in front, a part of it is one block of memory.
    let rows = numbers.swap_dims(0, 1).reshape([size, outer * inner]);
    let mut shifted =
        weights.iter().enumerate().map(|(at, weight)| rows.clone().narrow(0, at, length).mul_scalar(*weight));
    let first = shifted.next().expect("a window is not empty");
    shifted.fold(first, Tensor::add).reshape([length, outer, inner]).swap_dims(0, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device, FloatDType, TensorData};

    const SHAPE: [usize; 3] = [2, 5, 2];

    fn total(numbers: &[f64], device: &Device) -> (Tensor<3>, Tensor<1>) {
        let leaf = Tensor::<3>::from_data(TensorData::new(numbers.to_vec(), SHAPE), (device, DType::F64));
        let leaf = if device.is_autodiff() { leaf.require_grad() } else { leaf };
        let sums = slide(leaf.clone(), &[0.5, -1.0, 2.0]);
        assert_eq!(sums.dims(), [2, 3, 2]);
        let factors = Tensor::<1>::from_floats([1.0, 2.0, -1.0, 0.5, 3.0, 1.5, 0.25, 1.0, 2.0, -2.0, 1.0, 4.0], device);
        (leaf, (sums.reshape([12]).square() * factors.cast(FloatDType::F64)).sum())
    }

    #[test]
    fn gradients_match_central_differences() {
        let numbers: Vec<f64> = (0..20).map(|i| f64::from(i * 7 % 11) / 4.0 - 1.0).collect();
        let (leaf, value) = total(&numbers, &Device::flex().autodiff());
        let gradient: Vec<f64> = leaf.grad(&value.backward()).expect("a gradient").into_data().iter().collect();
        for (at, slope) in gradient.into_iter().enumerate() {
            let moved = |step: f64| {
                let mut numbers = numbers.clone();
                numbers[at] += step;
                total(&numbers, &Device::flex()).1.into_scalar::<f64>()
            };
            let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((slope - expected).abs() < 1e-7 * (1.0 + expected.abs()), "{at}: {slope} against {expected}");
        }
    }

    #[test]
    fn by_hand() {
        let numbers = Tensor::<3>::from_floats([[[1.0], [2.0], [4.0], [8.0]]], &Device::flex());
        let sums = slide(numbers.clone(), &[1.0, 0.0, -1.0]).into_data().iter::<f32>().collect::<Vec<_>>();
        assert_eq!(sums, [-3.0, -6.0]);
        assert_eq!(slide(numbers, &[3.0]).into_data().iter::<f32>().collect::<Vec<_>>(), [3.0, 6.0, 12.0, 24.0]);
    }
}
