//! The arguments of a loss, and its results.

use crate::devices;
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use burn_losses::binary::{BceLossConfig, FocalLossConfig};
use burn_losses::classification::{CrossEntropyLossConfig, MultiMarginLossConfig};
use burn_losses::prelude::*;
use burn_losses::segmentation::DiceLossConfig;

#[test]
fn wrong_shapes_and_types_are_named() {
    let device = Device::flex();
    let message = |run: &dyn Fn()| {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_err();
        panic.downcast_ref::<String>().expect("a message").clone()
    };
    let loss = FocalLossConfig::new().init(&device);
    let (x, y) = (Tensor::<2>::ones([4, 3], &device), Tensor::<2>::ones([4, 2], &device));
    let expected = "focal: `targets` has shape [4, 2], expected [4, 3] (that of `logits`)";
    assert_eq!(message(&|| drop(loss.forward(x.clone(), y.clone()))), expected);
    assert_eq!(loss.check(&x, &y, &Extras::new()).unwrap_err().to_string(), expected);
    assert_eq!(
        loss.check(&x, &x, &y.clone().into()).unwrap_err().to_string(),
        "focal: `weights` has shape [4, 2], expected [4, 3] (one weight per value) or [4, 1] (one per sample)"
    );
    let mask = y.clone().equal_scalar(1.0);
    assert_eq!(
        loss.check(&x, &x, &mask.into()).unwrap_err().to_string(),
        "focal: `mask` has shape [4, 2], expected [4, 3] (one entry per value) or [4, 1] (one per sample)"
    );
    assert_eq!(
        loss.check(&x, &x, &Tensor::<1>::ones([4], &device).into()).unwrap_err().to_string(),
        "focal: `weights` has shape [4], expected [4, 3] (one weight per value) or [4, 1] (one per sample)"
    );
    let pixels = DiceLossConfig::new().init(&device);
    let (logits, masks) = (Tensor::<3>::ones([2, 3, 5], &device), Tensor::<3>::ones([2, 3, 5], &device));
    let mask = Tensor::<3>::ones([2, 3, 1], &device).equal_scalar(1.0);
    assert_eq!(
        pixels.check(&logits, &masks.into(), &mask.into()).unwrap_err().to_string(),
        "dice: `mask` has shape [2, 3, 1], expected [2, 3, 5] (that of `logits`), [2, 1, 5] (one entry for all classes) or \
         [2, 1, 1] (one per sample)"
    );
    let double = x.clone().cast(FloatDType::F64);
    assert_eq!(
        loss.check(&x, &double, &Extras::new()).unwrap_err().to_string(),
        "focal: `targets` has type F64, expected F32 (that of `logits`)"
    );
    assert!(loss.check(&x.clone().cast(FloatDType::F16), &x, &Extras::new()).is_ok(), "half precision goes with f32");

    let loss = CrossEntropyLossConfig::new().with_class_weights(vec![1.0; 5]).init(&device);
    assert_eq!(
        loss.check(&x, &Tensor::<1, Int>::zeros([4], &device), &Extras::new()).unwrap_err().to_string(),
        "cross_entropy: `logits` has shape [4, 3], expected 5 classes on axis 1, as the config has"
    );
    let loss = CrossEntropyLossConfig::new().init(&device);
    assert_eq!(
        loss.check(&x, &Tensor::<1, Int>::zeros([3], &device), &Extras::new()).unwrap_err().to_string(),
        "cross_entropy: `labels` has shape [3], expected [4] (that of `logits` without the class axis)"
    );
    // A loss without soft targets has no such method. One that a config has chosen says so.
    let margin = ClassificationLossConfig::from(MultiMarginLossConfig::new()).init(&device);
    assert_eq!(
        message(&|| drop(margin.forward_soft(x.clone(), x.clone()))),
        "multi_margin: `probabilities` is not supported: this loss takes one label per row; `cross_entropy` and `focal` \
         take probabilities"
    );
    let multi_label = BceLossConfig::new().with_pos_weight(vec![1.0, 2.0]).init(&device);
    assert_eq!(
        multi_label.check(&x, &x, &Extras::new()).unwrap_err().to_string(),
        "bce: `logits` has shape [4, 3], expected 2 classes on axis 1, as `pos_weight` has"
    );
}

/// Data that was read from a device does not change while the device computes further, even in a type that needs no conversion.
#[test]
fn what_an_evaluation_returns_does_not_change_afterwards() {
    for target in devices::all() {
        // lavapipe has an f64 whose logarithm is wrong, but its result must not change afterwards, either.
        let dtypes = [FloatDType::F32, FloatDType::F64].into_iter();
        for dtype in dtypes.filter(|dtype| target.device.supports_dtype(*dtype)) {
            let loss = LossConfig::from_kind("binary", "bce").unwrap().init(&target.device);
            let tensor = |data: [f64; 4]| TensorData::new(data.to_vec(), [4]);
            let inputs = burn_losses::eval::Inputs::from([
                ("logits".to_owned(), tensor([0.5, -1.0, 2.0, 0.25])),
                ("targets".to_owned(), tensor([1.0, 0.0, 0.3, 0.0])),
                ("weights".to_owned(), tensor([0.5, 3.0, 2.0, 0.1])),
            ]);
            let run = || loss.evaluate(&inputs, &target.device, dtype).unwrap();
            let first = run();
            let then = (first.unreduced.iter::<f64>().collect::<Vec<_>>(), first.gradients["logits"].clone());
            (0..5).for_each(|_| drop(run()));
            assert_eq!(first.unreduced.iter::<f64>().collect::<Vec<_>>(), then.0, "{}", target.name);
            assert_eq!(first.gradients["logits"], then.1, "{}", target.name);
        }
    }
}
