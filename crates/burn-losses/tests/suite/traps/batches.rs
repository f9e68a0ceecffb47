//! Batches without information, and gradients that nobody looks at.

use crate::diagnose::any_tensors::FLOATS;
use crate::laws::masks::mask;
use crate::probe::{base, batch, numbers, weighted};
use crate::properties::cases;
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use burn_losses::eval::Inputs;
use burn_losses::signature::Role;
use burn_losses::{AnyLoss, LossConfig, registry};
use proptest::prelude::*;

fn says(loss: &AnyLoss, inputs: &[(&str, TensorData)], text: &str) {
    let inputs = inputs.iter().map(|(name, data)| ((*name).to_owned(), data.clone())).collect();
    let diagnosis = loss.diagnose(&inputs, &Device::flex()).to_string();
    assert!(diagnosis.contains(text), "{text}\n{diagnosis}");
}

fn loss(toml: &str) -> AnyLoss {
    let config: LossConfig = burn_losses::config::from_str(toml, burn_losses::config::Format::Toml).unwrap();
    config.init(&Device::flex())
}

/// Without a position on a further axis there is no value, which is no error: as for a batch without a sample, the loss is 0.
#[test]
fn no_positions_on_a_further_axis() {
    for info in registry().iter().filter(|info| ["regression", "likelihood", "binary"].contains(&info.family)) {
        for target in crate::devices::cpu() {
            let loss = base(info).init(&target.device);
            for extra in [&[0][..], &[2, 0][..], &[0, 2][..]] {
                let inputs = batch(&loss, 3, 1.0, extra, 5);
                for inputs in [inputs.clone(), weighted(&loss, inputs, 6)] {
                    let got = loss.evaluate(&inputs, &target.device, target.dtype);
                    let got = got.unwrap_or_else(|error| panic!("{}: {error}", info.kind));
                    assert_eq!((got.loss, got.unreduced.num_elements()), (0.0, 0), "{} {extra:?}", info.kind);
                    assert_eq!(got.unreduced.shape()[0], 3, "{} {extra:?}", info.kind);
                }
            }
        }
    }
}

/// A diagnosis of a batch without samples is no panic, with weights and a mask either.
#[test]
fn a_diagnosis_without_samples() {
    let floats = |shape: &[usize]| TensorData::new(Vec::<f32>::new(), shape.to_vec());
    let mask = |shape: &[usize]| TensorData::new(Vec::<bool>::new(), shape.to_vec());
    for reduction in ["mean", "batch_mean", "weighted_mean"] {
        let of = |family: &str, kind: &str| {
            loss(&format!("family = '{family}'\nkind = '{kind}'\nreduction = '{reduction}'"))
        };
        for (loss, first, second) in [
            (of("regression", "mse"), "predictions", floats(&[0, 3])),
            (of("binary", "bce"), "logits", floats(&[0, 3])),
            (of("classification", "cross_entropy"), "logits", TensorData::new(Vec::<i64>::new(), [0])),
        ] {
            let is_labels = second.dtype().is_int();
            let (name, extras) = if is_labels { ("labels", vec![0]) } else { ("targets", vec![0, 1]) };
            let inputs: Inputs =
                [(first, floats(&[0, 3])), (name, second), ("weights", floats(&extras)), ("mask", mask(&extras))]
                    .into_iter()
                    .map(|(name, data)| (name.to_owned(), data))
                    .collect();
            let diagnosis = loss.diagnose(&inputs, &Device::flex());
            assert!(!diagnosis.has_errors(), "{reduction} {diagnosis}");
        }
    }
}

/// A mask of another shape is refused by the method for soft targets too.
#[test]
fn a_diagnosis_of_soft_targets_with_a_mask_of_another_shape() {
    use burn::tensor::Bool;
    use burn_losses::classification::CrossEntropyLossConfig;
    use burn_losses::prelude::*;

    let device = Device::flex();
    let loss = CrossEntropyLossConfig::new().init(&device);
    let logits = Tensor::<2>::from_floats([[0.5, -1.0], [2.0, 0.25]], &device);
    let probabilities = Tensor::<2>::from_floats([[0.5, 0.5], [0.25, 0.75]], &device);
    let mask = Tensor::<1, Bool>::from_data(TensorData::from([true, false, true]), &device);
    let diagnosis = loss.diagnose_soft(&logits, &probabilities, Some(&mask), None).to_string();
    assert!(diagnosis.contains("`mask` has shape [3]"), "{diagnosis}");
}

/// T77: shapes and units that make a loss constant are named.
#[test]
fn t77_degenerate_shapes_and_units_are_named() {
    let of = |family: &str, kind: &str| LossConfig::from_kind(family, kind).unwrap().init(&Device::flex());
    let column = || TensorData::new(vec![0.5f32, -1.0, 2.0], [3, 1]);
    let zeros = |shape: &[usize]| TensorData::new(vec![0i64; shape.iter().product()], shape.to_vec());

    // The softmax of one class is constant.
    for kind in ["cross_entropy", "focal"] {
        let inputs = [("logits", column()), ("labels", zeros(&[3]))];
        says(&of("classification", kind), &inputs, "at least 2 classes on axis 1: the softmax of one is always 1");
    }
    let distillation = loss("family = 'distribution'\nkind = 'distillation'\ninput = 'logits'");
    says(&distillation, &[("logits", column()), ("targets", column())], "the softmax of one is always 1");
    let head = loss("family = 'heads'\nkind = 'arcface'\nnum_classes = 1\nembedding_dim = 2");
    let embeddings = || TensorData::from([[1.0f32, 0.5], [0.5, -1.0]]);
    let one = "error: `num_classes`: 1: the softmax of one class is always 1, and the loss 0";
    says(&head, &[("embeddings", embeddings()), ("labels", zeros(&[2]))], one);

    // The labels of one channel are all foreground.
    let pixels = TensorData::new(vec![0.5f32, -1.0, 2.0, 1.0], [1, 1, 4]);
    let channel = "error: `labels`: of one channel label 0 is that channel, and every such pixel is foreground (4 of 4";
    says(&of("segmentation", "dice"), &[("logits", pixels.clone()), ("labels", zeros(&[1, 4]))], channel);

    // Boxes may be in pixels, or relative to the image size.
    let boxes =
        |side: f32| TensorData::new(vec![0.0, 0.0, side, side, 0.1 * side, 0.2 * side, side, 0.9 * side], [2, 4]);
    let both = |side: f32| [("predictions", boxes(side)), ("targets", boxes(0.9 * side))];
    let mpdiou = |[width, height]: [usize; 2]| {
        loss(&format!("family = 'boxes'\nkind = 'mpdiou'\nimage_width = {width}\nimage_height = {height}"))
    };
    let units = "numbers up to 640 beside `image_width = 1`: not the same unit, it seems; pixels?";
    says(&mpdiou([1, 1]), &both(640.0), units);
    says(&mpdiou([640, 480]), &both(640.0), "nothing found");
    says(&mpdiou([1, 1]), &both(1.0), "nothing found");
    says(
        &of("boxes", "nwd"),
        &both(1.0),
        "numbers up to 1 beside `constant = 12.7`: not the same unit, it seems; shares",
    );
    says(&of("boxes", "nwd"), &both(40.0), "nothing found");
    says(&loss("family = 'boxes'\nkind = 'nwd'\nconstant = 0.1"), &both(1.0), "nothing found");
    let sum = "family = 'boxes'\nkind = 'weighted_sum'\n[terms.a]\nkind = 'nwd'\n[terms.b]\nkind = 'iou'";
    says(&loss(sum), &both(1.0), "beside `constant = 12.7`");

    // The labels have one class only, or the positives do not count.
    let logits = || TensorData::from([[0.5f32, -1.0], [2.0, 1.0], [0.0, 0.1]]);
    let labels = TensorData::from([1i64, 1, 1]);
    let one = "warning: `labels`: every row that counts has the class 1; one class alone says nothing of the others";
    says(&of("classification", "cross_entropy"), &[("logits", logits()), ("labels", labels)], one);
    let negatives = TensorData::new(vec![0.0f32; 6], [3, 2]);
    let one = "warning: `targets`: every row that counts has the class 0";
    says(&of("binary", "bce"), &[("logits", logits()), ("targets", negatives)], one);
    let positives = TensorData::from([[1.0f32, 0.0], [0.0, 0.0], [0.0, 0.0]]);
    let weights = TensorData::from([[0.0f32], [1.0], [1.0]]);
    let ignored = "warning: `targets`: there are positives, and none of them counts; their weights are 0";
    let inputs = [("logits", logits()), ("targets", positives), ("weights", weights)];
    says(&of("binary", "bce"), &inputs, ignored);
    let masks = TensorData::new(vec![0.0f32, 1.0, 0.0, 1.0], [1, 1, 4]);
    let valid = TensorData::new(vec![true, false, true, false], [1, 1, 4]);
    let ignored = "warning: `masks`: there are positives, and none of them counts; no foreground is left";
    says(&of("segmentation", "dice"), &[("logits", pixels), ("masks", masks), ("valid", valid)], ignored);
}

/// T77: a diagnosis looks at the gradient, as training does.
#[test]
fn t77_a_gradient_without_a_slope_is_named() {
    let zero_one = LossConfig::from_kind("binary", "zero_one").unwrap().init(&Device::flex());
    let inputs = [("logits", TensorData::from([-1.0f32, 2.0])), ("targets", TensorData::from([1.0f32, 1.0]))];
    says(
        &zero_one,
        &inputs,
        "warning: `logits`: its gradient is 0 everywhere, but the value is not; nothing is learned",
    );
}

/// A loss of any family, in a batch of half precision.
fn halves(inputs: Inputs, dtype: DType) -> Inputs {
    inputs
        .into_iter()
        .map(|(name, data)| (name, if data.dtype().is_float() { data.convert_dtype(dtype) } else { data }))
        .collect()
}

/// T82: gradients that half precision rounds to 0 are reported, and a scale restores them.
#[test]
fn t82_gradients_that_underflow_are_named_and_a_scale_keeps_them() {
    use burn_losses::composition::LossScale;
    use burn_losses::prelude::*;
    use burn_losses::segmentation::DiceLossConfig;

    let side = 512;
    let drawn = numbers(side * side, 5);
    let shape = [1, 1, side, side];
    let logits = || TensorData::new(drawn.iter().map(|u| 6.0 * u).collect::<Vec<_>>(), shape);
    let masks = || TensorData::new(drawn.iter().map(|u| f64::from(*u > 0.3)).collect::<Vec<_>>(), shape);
    let inputs = Inputs::from([("logits".into(), logits()), ("masks".into(), masks())]);
    let dice = LossConfig::from_kind("segmentation", "dice").unwrap().init(&Device::flex());
    for (dtype, is_lost) in [(DType::F16, true), (DType::BF16, false), (DType::F32, false)] {
        let diagnosis = dice.diagnose(&halves(inputs.clone(), dtype), &Device::flex()).to_string();
        assert_eq!(diagnosis.contains("half precision rounds"), is_lost, "{dtype:?} {diagnosis}");
        assert_eq!(diagnosis.contains("(`LossScale`), or set `reduction = \"sum\"`"), is_lost, "{diagnosis}");
    }

    let device = Device::flex().autodiff();
    let masks = Tensor::<4>::from_data(masks(), (&device, DType::F16));
    let zeros = |scale: f64| {
        let scale = LossScale::new(scale);
        let logits = Tensor::<4>::from_data(logits(), (&device, DType::F16)).require_grad();
        let total = DiceLossConfig::new().init(&device).forward(logits.clone(), masks.clone());
        let gradient = scale.divide(logits.grad(&scale.apply(total).backward()).unwrap());
        assert_eq!(gradient.dtype(), DType::F32);
        gradient.into_data().iter::<f64>().filter(|slope| *slope == 0.0).count()
    };
    let (plain, scaled) = (zeros(1.0), zeros(65536.0));
    assert!(plain > side * side / 100 && scaled < plain / 100, "{plain} and {scaled} of {}", side * side);

    // The gradient of a sum over a batch does not shrink with the batch size.
    // Small errors have the small derivatives of a mean over many values.
    let many: Vec<f64> = numbers(1 << 18, 6).iter().map(|u| 0.1 * u).collect();
    let many = || TensorData::new(many.clone(), [1 << 18]);
    let inputs = Inputs::from([
        ("predictions".into(), many()),
        ("targets".into(), TensorData::new(vec![0.0; 1 << 18], [1 << 18])),
    ]);
    for (reduction, is_lost) in [("mean", true), ("sum", false)] {
        let mse = loss(&format!("family = 'regression'\nkind = 'mse'\nreduction = '{reduction}'"));
        let diagnosis = mse.diagnose(&halves(inputs.clone(), DType::F16), &Device::flex()).to_string();
        assert_eq!(diagnosis.contains("half precision rounds"), is_lost, "{reduction} {diagnosis}");
    }
}

/// T77: the methods of the families find the same in the tensors of a user.
#[test]
fn t77_the_methods_of_the_families_look_at_the_gradient_too() {
    use burn_losses::binary::ZeroOneLossConfig;
    use burn_losses::prelude::*;
    let device = Device::flex();
    let logits = Tensor::<1>::from_floats([-1.0, 2.0], &device);
    let diagnosis = ZeroOneLossConfig::new().init(&device).diagnose(&logits, &logits.ones_like(), None);
    assert!(diagnosis.to_string().contains("its gradient is 0 everywhere"), "{diagnosis}");
}

proptest! {
    #![proptest_config(cases(24))]

    /// T77: whatever the numbers are, a batch with a value or gradient that is not finite never passes as fine.
    #[test]
    fn t77_never_fine_where_the_gradient_is_not_finite(
        rows in 1..6usize,
        extra in prop::sample::select(vec![vec![], vec![1], vec![2, 3]]),
        scale in prop::sample::select(vec![0.0, 1.0, 300.0, 1e20]),
        spoils in prop::collection::vec((0..1000usize, 0..FLOATS.len()), 0..4),
        dtype in 0..5usize,
        seed in 0..100u64,
        weighs in any::<bool>(),
        valid in prop::option::of(prop::collection::vec(any::<bool>(), 6)),
    ) {
        for config in registry().iter().map(base) {
            let loss = config.init(&Device::flex());
            let mut inputs = batch(&loss, rows, scale, &extra, seed);
            if weighs {
                inputs = weighted(&loss, inputs, seed);
            }
            if let Some(valid) = &valid {
                let samples = inputs[loss.input()].shape()[0];
                let valid: Vec<bool> = valid.iter().copied().cycle().take(samples).collect();
                inputs.insert("mask".into(), mask(&loss, &inputs, &valid, false));
            }
            for (at, value) in &spoils {
                let name = inputs.keys().nth(at % inputs.len()).unwrap().clone();
                let data = &inputs[&name];
                if data.dtype().is_float() && data.num_elements() > 0 {
                    let mut numbers: Vec<f64> = data.iter().collect();
                    let place = at / 7 % numbers.len();
                    numbers[place] = FLOATS[*value];
                    let data = TensorData::new(numbers, data.shape().clone());
                    inputs.insert(name, data);
                }
            }
            let dtype = [DType::F32, DType::F64, DType::F32, DType::F16, DType::BF16][dtype];
            let inputs = halves(inputs, dtype);
            let floats = match dtype {
                DType::F64 => FloatDType::F64,
                DType::F16 => FloatDType::F16,
                DType::BF16 => FloatDType::BF16,
                _ => FloatDType::F32,
            };
            let signature = loss.signature(&inputs);
            let evaluation = config.init(&Device::flex()).evaluate(&inputs, &Device::flex(), floats).unwrap();
            let trained = |name: &str| {
                let argument = signature.iter().find(|argument| argument.name == name).expect("an argument");
                [Role::Prediction, Role::Parameter].contains(&argument.role)
            };
            let gradients = evaluation.gradients.iter().filter(|(name, _)| trained(name)).map(|(_, data)| data);
            let is_finite = evaluation.loss.is_finite()
                && gradients.chain([&evaluation.unreduced]).all(|data| data.iter::<f64>().all(f64::is_finite));
            let diagnosis = loss.diagnose(&inputs, &Device::flex());
            prop_assert!(is_finite || diagnosis.has_errors(), "{config:?} {evaluation:?}\n{diagnosis}\n{inputs:?}");
        }
    }
}
