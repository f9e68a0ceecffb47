//! How many launches a training step takes. These tests need a device and run with `BURN_LOSSES_REQUIRE_GPU=1`.

use crate::binary::BceLossConfig;
use crate::boxes::{BoxFormat, CiouLossConfig};
use crate::classification::CrossEntropyLossConfig;
use crate::heads::ArcfaceLossConfig;
use crate::metric::NtXentLossConfig;
use crate::segmentation::{Activation, DiceLossConfig};
use burn::tensor::{Device, DeviceKind, Int, Tensor};
use burn_cubecl::cubecl::logging::{LaunchObservation, LaunchObserver};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Names(Mutex<Vec<&'static str>>);

impl LaunchObserver for Names {
    fn launched(&self, kernel: &'static str) {
        self.0.lock().expect("names").push(kernel);
    }
}

/// The kernels of this library that a step launches, once all of them are compiled.
fn launches(device: &Device, step: impl Fn()) -> Vec<&'static str> {
    step();
    device.sync().expect("a device that works");
    let names = Arc::new(Names::default());
    let observation = LaunchObservation::new(names.clone());
    step();
    device.sync().expect("a device that works");
    drop(observation);
    let names = names.0.lock().expect("names");
    names.iter().copied().filter(|name| name.contains("burn_losses")).collect()
}

/// A step is two to four launches, whatever its size, and the products of matrices.
#[test]
fn a_step_is_few_launches() {
    if std::env::var("BURN_LOSSES_REQUIRE_GPU").as_deref() != Ok("1") {
        return;
    }
    let device = Device::wgpu(DeviceKind::DefaultDevice).autodiff();
    let backward = |value: Tensor<1>, leaf: &Tensor<2>| {
        let gradient = leaf.grad(&value.backward()).expect("a gradient");
        let _ = gradient.into_data();
    };
    let leaf = |rows, columns| Tensor::<2>::ones([rows, columns], &device).require_grad();
    for rows in [3, 70_000] {
        let bce = || {
            let (x, loss) = (leaf(rows, 4), BceLossConfig::new().init(&device));
            backward(loss.forward(x.clone(), Tensor::ones([rows, 4], &device)), &x);
        };
        let ciou = || {
            let (x, loss) = (leaf(rows, 4), CiouLossConfig::new().with_format(BoxFormat::Cxcywh).init(&device));
            backward(loss.forward(x.clone(), Tensor::ones([rows, 4], &device) * 2.0), &x);
        };
        let cross_entropy = || {
            let (x, loss) = (leaf(rows, 90), CrossEntropyLossConfig::new().with_ignore_index(-1).init(&device));
            backward(loss.forward(x.clone(), Tensor::<1, Int>::zeros([rows], &device)), &x);
        };
        let dice = |activation| {
            let (x, loss) = (leaf(8, rows), DiceLossConfig::new().with_activation(activation).init(&device));
            let masks = Tensor::<2>::ones([8, rows], &device).reshape([2, 4, rows]);
            backward(loss.forward(x.clone().reshape([2, 4, rows]), masks), &x);
        };
        let arcface = || {
            let (x, loss) = (leaf(rows, 4), ArcfaceLossConfig::new(90, 4).init(&device));
            backward(loss.forward(x.clone(), Tensor::<1, Int>::zeros([rows], &device)), &x);
        };
        let nt_xent = || {
            let (x, loss) = (leaf(rows.min(300), 4), NtXentLossConfig::new().init(&device));
            backward(loss.forward(x.clone(), Tensor::<1, Int>::zeros([rows.min(300)], &device)), &x);
        };
        let steps: [(&str, usize, &dyn Fn()); 7] = [
            ("bce", 3, &bce),
            ("ciou", 3, &ciou),
            ("cross_entropy", 3, &cross_entropy),
            ("dice of sigmoids", 3, &|| dice(Activation::Sigmoid)),
            ("dice of a softmax", 4, &|| dice(Activation::Softmax)),
            ("arcface", 3, &arcface),
            ("nt_xent", 2, &nt_xent),
        ];
        for (name, expected, step) in steps {
            let names = launches(&device, step);
            assert_eq!(names.len(), expected, "{name} of {rows} rows: {names:?}");
        }
    }
}
