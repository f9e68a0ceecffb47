//! Regions and masks.

use crate::devices;
use crate::probe::numbers;
use burn::tensor::{Bool, DType, Device, Int, Tensor, TensorData};
use burn_losses::segmentation::{
    AbsentClasses, Activation, Background, Denominator, DiceLossConfig, FocalTverskyLossConfig,
    GeneralizedDiceLossConfig, Masks, SumOver, TverskyLossConfig,
};
use burn_losses::watched;

/// A loss of regions on some logits and masks; with `has_ignored`, a third of the pixels is ignored.
#[derive(Clone)]
struct Case {
    config: TverskyLossConfig,
    /// `[N, C, pixels]`.
    shape: [usize; 3],
    scale: f64,
    has_ignored: bool,
    view: fn(Tensor<3>) -> Tensor<3>,
}

impl Case {
    fn new(shape: [usize; 3], activation: Activation) -> Self {
        let config = TverskyLossConfig::new().with_fp_weight(0.3).with_fn_weight(0.7).with_activation(activation);
        Self { config, shape, scale: 4.0, has_ignored: false, view: |x| x }
    }

    /// The reduced value, its gradient, the unreduced values, and their gradient.
    fn run(&self, device: &Device, dtype: DType) -> [Vec<f64>; 4] {
        let device = device.clone().autodiff();
        let loss = self.config.init(&device);
        let count = self.shape.iter().product();
        let tensor = |numbers: Vec<f64>| {
            let numbers: Vec<f64> = numbers.into_iter().map(|x| f64::from(x as f32)).collect();
            Tensor::<3>::from_data(TensorData::new(numbers, self.shape), (&device, dtype))
        };
        let ignored: Vec<bool> = (0..count).map(|i| self.has_ignored && i * i % 3 == 1).collect();
        let logits = numbers(count, 1).into_iter().zip(&ignored).enumerate().map(|(i, (x, ignored))| match ignored {
            // An ignored pixel may have any logit.
            true => [f64::NAN, f64::INFINITY, 1e30][i % 3],
            false if self.config.regions.activation == Activation::None => (x + 1.0) / 2.0,
            false => self.scale * x,
        });
        let logits: Vec<f64> = logits.collect();
        let masks: Vec<f64> = numbers(count, 2).into_iter().map(|x| f64::from(u8::from(x > 0.3))).collect();
        let valid = TensorData::new(ignored.iter().map(|ignored| !ignored).collect::<Vec<_>>(), self.shape);
        let masks = || Masks {
            masks: (self.view)(tensor(masks.clone())),
            valid: self.has_ignored.then(|| Tensor::<3, Bool>::from_data(valid.clone(), &device)),
        };
        let leaf = || tensor(logits.clone()).require_grad();
        let (first, second) = (leaf(), leaf());
        let run = || {
            let value = loss.forward((self.view)(first.clone()), masks());
            (value, loss.forward_no_reduction((self.view)(second.clone()), masks()))
        };
        let ((value, values), paths) = watched(run);
        assert!(paths.fused == ["regions", "regions"] && paths.tensor.is_empty() || dtype == DType::F64, "{paths:?}");
        let [samples, classes] = values.dims();
        let upstream = numbers(samples * classes, 4);
        let upstream = Tensor::<2>::from_data(TensorData::new(upstream, [samples, classes]), (&device, values.dtype()));
        let of_value = first.grad(&value.clone().backward()).expect("a gradient");
        let of_values = second.grad(&(values.clone() * upstream).sum().backward()).expect("a gradient");
        let floats = |data: TensorData| data.convert::<f64>().iter().collect();
        [value.into_data(), of_value.into_data(), values.into_data(), of_values.into_data()].map(floats)
    }

    /// Checks that the GPU agrees with tensor operations in double precision, and that two runs of the kernels give the same bits. (The
    /// mean of the values is a sum of Burn, which tries several orders at first.)
    fn check(&self, gpu: &Device, dtype: DType, tolerance: f64) {
        let expected = self.run(&Device::flex(), DType::F64);
        let got = self.run(gpu, dtype);
        let place = format!("{:?} on {:?}, ignored: {}", self.config, self.shape, self.has_ignored);
        for (what, (got, expected)) in
            ["value", "gradient", "values", "gradient of values"].iter().zip(got.iter().zip(&expected))
        {
            assert_eq!(got.len(), expected.len(), "{place}: {what}");
            // The rounding error of a derivative with respect to a probability, which is about 1 / pixels. Certain pixels have no
            // other gradient.
            let least = 0.03 / self.shape[2] as f64;
            let most = expected.iter().fold(least, |most: f64, x| most.max(x.abs()));
            for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
                let is_right = (got - expected).abs() <= tolerance * most;
                assert!(is_right, "{place}: {what} {i} is {got} against {expected}");
            }
        }
        let bits = |results: &[Vec<f64>; 4]| results[1..].concat().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert!(bits(&got) == bits(&self.run(gpu, dtype)), "{place}: other bits");
    }
}

#[test]
fn any_number_of_pixels_and_classes() {
    let Some(gpu) = devices::gpu() else { return };
    for pixels in [1, 31, 32, 33, 255, 256, 257] {
        Case::new([3, 1, pixels], Activation::Sigmoid).check(&gpu.device, DType::F32, 4e-6);
        Case::new([2, 19, pixels], Activation::Softmax).check(&gpu.device, DType::F32, 4e-6);
    }
    for shape in [[1, 2, 65_537], [1, 1000, 3], [1500, 2, 5]] {
        for activation in [Activation::Softmax, Activation::Sigmoid] {
            Case::new(shape, activation).check(&gpu.device, DType::F32, 4e-6);
        }
    }
}

#[test]
fn every_config() {
    let Some(gpu) = devices::gpu() else { return };
    for activation in [Activation::Sigmoid, Activation::Softmax, Activation::None] {
        for denominator in [Denominator::Linear, Denominator::Squared] {
            for over in [SumOver::Sample, SumOver::Batch] {
                for has_ignored in [false, true] {
                    let case = Case { has_ignored, ..Case::new([4, 3, 700], activation) };
                    let config = case.config.clone().with_denominator(denominator).with_over(over);
                    Case { config, ..case }.check(&gpu.device, DType::F32, 4e-6);
                }
            }
        }
    }
    let case = Case::new([4, 3, 50], Activation::Softmax);
    let config = case.config.clone().with_background(Background::Excluded).with_absent_classes(AbsentClasses::Skip);
    Case { config, ..case }.check(&gpu.device, DType::F32, 4e-6);
}

#[test]
fn every_layout() {
    let Some(gpu) = devices::gpu() else { return };
    let check = |view| Case { view, ..Case::new([6, 6, 50], Activation::Softmax) }.check(&gpu.device, DType::F32, 4e-6);
    check(|x| x.swap_dims(0, 1));
    check(|x| x.swap_dims(1, 2));
    check(|x| x.narrow(0, 2, 3));
    check(|x| x.narrow(1, 3, 2).narrow(2, 7, 33));
    check(|x| x.narrow(0, 1, 1).expand([5, 6, 50]));
    check(|x| x.narrow(2, 1, 1).expand([6, 6, 70]));
}

/// Logits far from 0, and regions that are predicted exactly.
#[test]
fn large_logits() {
    let Some(gpu) = devices::gpu() else { return };
    for scale in [1e-3, 100.0, 1e4] {
        for activation in [Activation::Softmax, Activation::Sigmoid] {
            Case { scale, ..Case::new([2, 5, 300], activation) }.check(&gpu.device, DType::F32, 1e-5);
        }
    }
}

#[test]
fn half_precision() {
    let Some(gpu) = devices::gpu() else { return };
    if gpu.device.supports_dtype(DType::F16) {
        for activation in [Activation::Softmax, Activation::Sigmoid, Activation::None] {
            Case { has_ignored: true, ..Case::new([2, 4, 300], activation) }.check(&gpu.device, DType::F16, 5e-3);
        }
    }
}

/// Labels instead of masks, other formulas of the sums, and one loss whose formula is not a sum over classes.
#[test]
fn images_with_labels() {
    let Some(gpu) = devices::gpu() else { return };
    let run = |device: &Device, dtype| {
        let device = device.clone().autodiff();
        let logits = numbers(2 * 5 * 12 * 11, 1).iter().map(|x| 4.0 * f64::from(*x as f32)).collect::<Vec<_>>();
        let leaf = Tensor::<4>::from_data(TensorData::new(logits, [2, 5, 12, 11]), (&device, dtype)).require_grad();
        let labels: Vec<i64> = numbers(2 * 12 * 11, 2).iter().map(|x| ((x + 1.0) * 2.49) as i64).collect();
        let labels = Tensor::<3, Int>::from_data(TensorData::new(labels, [2, 12, 11]), &device);
        let masks = Masks::from_labels(labels, 5, Some(3));
        let masks = Masks { masks: masks.masks.cast(dtype), ..masks };
        let dice = DiceLossConfig::new().with_ignore_index(3).with_activation(Activation::Softmax).init(&device);
        let focal = FocalTverskyLossConfig::new().with_ignore_index(3).with_gamma(1.7).init(&device);
        let generalized = GeneralizedDiceLossConfig::new().with_ignore_index(3).with_over(SumOver::Batch).init(&device);
        let (values, paths) = watched(|| {
            let dice = dice.forward(leaf.clone(), masks.clone());
            let focal = focal.forward(leaf.clone(), masks.clone()) * 2.0;
            dice + focal + generalized.forward(leaf.clone(), masks.clone()) * 3.0
        });
        assert!(paths.fused == ["regions"; 3] && paths.tensor.is_empty() || dtype == DType::F64, "{paths:?}");
        let gradient = leaf.grad(&values.clone().backward()).expect("a gradient");
        let floats = |data: TensorData| data.convert::<f64>().iter().collect::<Vec<f64>>();
        [floats(values.into_data()), floats(gradient.into_data())]
    };
    let (expected, got) = (run(&Device::flex(), DType::F64), run(&gpu.device, DType::F32));
    for (expected, got) in expected.iter().zip(got) {
        let most = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() <= 4e-6 * most, "{got} against {expected}");
        }
    }
}
