//! Losses that weight or select values by how hard they are: GHM and OHEM.

use super::{F64, flex, list, matrix, number, vector};
use crate::devices;
use crate::laws::{assert_close, evaluate, floats};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use burn_losses::binary::{GhmCLossConfig, HardExamples, HingeLossConfig, MinedOver, OhemLossConfig};
use burn_losses::eval::Inputs;
use burn_losses::regression::GhmRLossConfig;
use burn_losses::{AnyLoss, LossConfig};

/// Logits whose gradient norm |sigmoid(x) - 0| is in the middle of a bin of ten.
fn in_bins(bins: &[usize], device: &Device) -> (Tensor<1>, Tensor<1>) {
    let logit = |bin: &usize| {
        let p = (*bin as f64 + 0.5) / 10.0;
        (p / (1.0 - p)).ln()
    };
    let logits: Vec<f64> = bins.iter().map(logit).collect();
    (vector(&logits, device, F64), vector(&vec![0.0; bins.len()], device, F64))
}

#[test]
fn t22_ghm_counts_start_unscaled_decay_when_empty_and_are_saved() {
    let device = flex();
    let config = GhmCLossConfig::new().with_bins(10usize).with_momentum(0.75);
    let loss = config.init(&device);
    let step = |loss: &burn_losses::binary::GhmCLoss, bins: &[usize]| {
        let (x, y) = in_bins(bins, &device);
        number(loss.forward(x, y))
    };
    step(&loss, &[0, 0, 0, 5]);
    let counts = list(loss.counts());
    assert_eq!((counts[0], counts[5]), (3.0, 1.0), "the first step is taken as it is");
    step(&loss, &[0, 0, 0, 0]);
    let counts = list(loss.counts());
    assert_eq!((counts[0], counts[5]), (3.25, 0.75), "an empty bin decays");

    // A gradient norm of 1 is in the last bin.
    let edge = config.init(&device);
    edge.forward(vector(&[1e4, -1e4], &device, F64), vector(&[0.0, 0.0], &device, F64));
    let counts = list(edge.counts());
    assert_eq!((counts[0], counts[9]), (1.0, 1.0));

    // After saving and loading in the middle of training, the next step is the same.
    let record = loss.clone().into_record();
    let resumed = config.init(&device).load_record(record);
    assert_eq!(list(resumed.counts()), list(loss.counts()));
    assert_eq!(step(&resumed, &[1, 1, 5, 9]), step(&loss, &[1, 1, 5, 9]));

    // On a device without autodiff, as in validation, nothing is counted.
    let before = list(loss.counts());
    let plain = Device::flex();
    let (x, y) = in_bins(&[3, 3], &plain);
    loss.valid().forward(x, y);
    assert_eq!(list(loss.counts()), before);
}

#[test]
fn t22_ghm_gives_every_bin_the_same_weight() {
    let device = flex();
    let loss = GhmRLossConfig::new().init(&device);
    let errors = [0.001, 0.002, 0.0015, 0.02, 0.5, 3.0, 7.0, 100.0];
    let values = list(loss.forward_no_reduction(vector(&errors, &device, F64), vector(&[0.0; 8], &device, F64)));
    let mu: f64 = 0.02;
    let mut weight_of_bin = [0.0; 10];
    for (d, value) in errors.iter().zip(values) {
        let root = (d * d + mu * mu).sqrt();
        weight_of_bin[((d / root * 10.0) as usize).min(9)] += value / (root - mu);
    }
    let filled: Vec<f64> = weight_of_bin.into_iter().filter(|weight| *weight > 0.0).collect();
    assert_eq!(filled.len(), 3);
    for weight in &filled {
        assert!((weight - 8.0 / 3.0).abs() < 1e-9, "{filled:?}");
    }
}

/// A NaN stays NaN, and the other values and gradients are those of the batch without it, in this step and in the next one: it is in no
/// bin, and in no median.
#[test]
fn t22_a_nan_is_in_no_statistic_of_the_others() {
    const NAN: f64 = f64::NAN;
    let steps: [(&[f64], &[f64]); 3] =
        [(&[-5.0, NAN, -5.0, 1.0], &[-5.0, -5.0, 1.0]), (&[NAN; 2], &[]), (&[1.0, NAN, -5.0], &[1.0, -5.0])];
    let losses = [
        ("family: binary\nkind: ghm_c", "logits"),
        ("family: regression\nkind: ghm_r", "predictions"),
        ("family: regression\nkind: tukey_biweight\nscale: mad", "predictions"),
    ];
    for (target, (text, first)) in
        devices::all().iter().flat_map(|target| losses.into_iter().map(move |loss| (target, loss)))
    {
        let config: LossConfig = serde_yaml_ng::from_str(&format!("{text}\nreduction: sum")).expect("a config");
        let check = || {
            let [loss, other] = [(); 2].map(|()| config.init(&target.device.clone().autodiff()));
            for (with_nan, without) in steps {
                let step = |loss: &AnyLoss, batch: &[f64]| {
                    let batch = || TensorData::new(batch.to_vec(), [batch.len()]);
                    let zeros = TensorData::new(vec![0.0; batch().num_elements()], batch().shape().clone());
                    let inputs = Inputs::from([(first.into(), batch()), ("targets".into(), zeros)]);
                    let results = evaluate(loss, &inputs, target);
                    [floats(&results.unreduced), floats(&results.gradients[first])]
                };
                let (got, place) = (step(&loss, with_nan), format!("{config:?} on {}: {with_nan:?}", target.name));
                assert!(got[0].iter().zip(with_nan).all(|(value, x)| value.is_nan() == x.is_nan()), "{place}: {got:?}");
                if without.is_empty() {
                    continue;
                }
                for (got, expected) in got.iter().zip(step(&other, without)) {
                    let of_others = got.iter().zip(with_nan).filter(|(_, x)| !x.is_nan());
                    let others: Vec<f64> = of_others.map(|(number, _)| *number).collect();
                    assert_close(&place, &others, &expected, 10.0 * target.tolerance);
                }
            }
        };
        check();
        burn_losses::with_tensor_operations(check);
    }
}

#[test]
fn t23_ohem_keeps_exactly_the_hardest() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        // The hinge of x at target 0 is 1 + x.
        let run = |keep: HardExamples, min_kept: usize, x: &[f64]| {
            let inner = Box::new(HingeLossConfig::new().into());
            let loss = OhemLossConfig::new().with_loss(inner).with_keep(keep).with_min_kept(min_kept).init(&device);
            let zeros = vec![0.0; x.len()];
            let x = vector(x, &device, target.dtype.into());
            let y = vector(&zeros, &device, target.dtype.into());
            (list(loss.forward_no_reduction(x.clone(), y.clone())), number(loss.forward(x, y)))
        };
        let (values, mean) = run(HardExamples::Count(2), 1, &[0.0, 3.0, 1.0, 2.0]);
        assert_eq!((values, mean), (vec![0.0, 4.0, 0.0, 3.0], 3.5), "{}", target.name);
        // At ties, exactly k values are kept: the first ones.
        let (values, _) = run(HardExamples::Ratio(0.5), 1, &[1.0; 4]);
        assert_eq!(values, [2.0, 2.0, 0.0, 0.0], "{}", target.name);
        // If the count is larger than the number of values, all are kept.
        assert_eq!(run(HardExamples::Count(9), 1, &[0.0, 1.0]).0, [1.0, 2.0], "{}", target.name);
        // If no value exceeds the threshold, the least number of values is still kept.
        assert_eq!(run(HardExamples::Threshold(10.0), 1, &[0.0, 1.0, 0.5]).0, [0.0, 2.0, 0.0], "{}", target.name);
        assert_eq!(run(HardExamples::Threshold(10.0), 0, &[0.0, 1.0]), (vec![0.0, 0.0], 0.0), "{}", target.name);
        assert_eq!(run(HardExamples::Threshold(1.2), 1, &[0.0, 1.0, 0.5]).0, [0.0, 2.0, 1.5], "{}", target.name);

        // The hardest of each sample, and those beside the positive targets of the batch or of each sample.
        let x = || matrix(&[[0.0, 3.0, 1.0], [2.0, 0.5, 1.5]], &device, target.dtype.into());
        let y = || matrix(&[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], &device, target.dtype.into());
        let values = |config: OhemLossConfig| {
            let config = config.with_loss(HingeLossConfig::new()).with_min_kept(0);
            list(config.init(&device).forward_no_reduction(x(), y()).reshape([6]))
        };
        let each = || OhemLossConfig::new().with_over(MinedOver::Sample);
        let hardest = each().with_keep(HardExamples::Count(1));
        assert_eq!(values(hardest.clone()), [0.0, 4.0, 0.0, 3.0, 0.0, 0.0], "{}", target.name);
        let with_two = |config: OhemLossConfig| values(config.with_negatives_per_positive(2.0));
        assert_eq!(with_two(OhemLossConfig::new()), [1.0, 4.0, 0.0, 3.0, 0.0, 0.0], "{}", target.name);
        assert_eq!(with_two(each()), [1.0, 4.0, 2.0, 0.0, 0.0, 0.0], "{}", target.name);
        // T72: a field that would have no effect is an error.
        let error = hardest.with_negatives_per_positive(3.0).validate().unwrap_err().to_string();
        assert!(error.contains("`keep` is") && error.contains("`negatives_per_positive`"), "{error}");
    }
}
