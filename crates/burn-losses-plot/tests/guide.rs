//! The pictures of the README and of the guide: the effect of a parameter, drawn for light and for dark pages.

use burn::tensor::{DType, Device, Tensor, TensorData};
use burn_losses::binary::FocalLossConfig;
use burn_losses::formula::Dual;
use burn_losses::heads::{Annealing, LSoftmaxLossConfig};
use burn_losses::prelude::*;
use burn_losses::regression::QuantileLossConfig;
use burn_losses::segmentation::{Activation, TverskyLossConfig};
use burn_losses::{AnyLoss, config::Alpha, extend::Head};
use burn_losses_plot::color::DARK;
use burn_losses_plot::{Curve, Panel, Picture};
use std::fs;
use std::path::Path;

/// The curve of a loss of two numbers with a fixed second number, in double precision.
fn curve(name: &str, loss: impl Fn(Tensor<1>, Tensor<1>) -> Tensor<1>, end: f64, target: f64) -> Curve {
    let at: Vec<f64> = (-120..=120).map(|i| f64::from(i) / 120.0 * end).collect();
    let tensor = |numbers: Vec<f64>| {
        let data = TensorData::new(numbers, [at.len()]);
        Tensor::<1>::from_data(data, (&Device::flex().autodiff(), DType::F64))
    };
    let first = tensor(at.clone()).require_grad();
    let value = loss(first.clone(), tensor(vec![target; at.len()]));
    let gradient = first.grad(&value.clone().sum().backward()).expect("a gradient");
    let [value, gradient] = [value, gradient].map(|numbers| numbers.into_data().iter::<f64>().collect());
    Curve { name: name.to_owned(), at, value, gradient }
}

fn picture(title: &str, subtitle: &str, x: &str, curves: &[Curve]) -> Picture {
    Picture {
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        panels: Panel::curves(x, "gradient", curves).into(),
        note: String::new(),
    }
}

/// The logit of the label by L-Softmax with this margin, divided by both lengths.
fn psi(margin: usize) -> Curve {
    let config = LSoftmaxLossConfig::new(10, 16).with_margin(margin).with_lambda(Annealing::none());
    let head = config.init(&Device::flex());
    let at: Vec<f64> = (0..=180).map(f64::from).collect();
    let by_cosine = |degrees: &f64| {
        let cosine = Dual::<f64, 1>::variable(degrees.to_radians().cos(), 0);
        head.margin(cosine, Some(Dual::constant(0.0)))
    };
    let value = at.iter().map(|degrees| by_cosine(degrees).value).collect();
    let gradient = at.iter().map(|degrees| -by_cosine(degrees).slope[0] * degrees.to_radians().sin()).collect();
    Curve { name: format!("m = {margin}"), at, value, gradient }
}

/// The Tversky loss of a region that grows: first it is a part of the mask, and then it has pixels beside the mask.
fn tversky(fn_weight: f64) -> Curve {
    let config = TverskyLossConfig::new().with_fn_weight(fn_weight).with_fp_weight(1.0 - fn_weight).with_smooth(0.0);
    let loss = config.with_activation(Activation::None).init(&Device::flex());
    let at: Vec<f64> = (0..=200).map(|i| f64::from(i) / 100.0).collect();
    // A pixel of the mask, and one beside it.
    let tensor = |numbers: Vec<f64>| {
        let data = TensorData::new(numbers, [at.len(), 1, 2]);
        Tensor::<3>::from_data(data, (&Device::flex().autodiff(), DType::F64))
    };
    let pixels = tensor(at.iter().flat_map(|size| [size.min(1.0), (size - 1.0).max(0.0)]).collect()).require_grad();
    let values = loss.forward_no_reduction(pixels.clone(), tensor([1.0, 0.0].repeat(at.len())));
    let slopes = pixels.grad(&values.clone().sum().backward()).expect("a gradient");
    let value = values.into_data().iter::<f64>().collect();
    let slopes: Vec<f64> = slopes.into_data().iter::<f64>().collect();
    let gradient = at.iter().zip(slopes.chunks(2)).map(|(size, of)| if *size < 1.0 { of[0] } else { of[1] }).collect();
    Curve { name: format!("fn_weight = {fn_weight}"), at, value, gradient }
}

fn pictures() -> [(&'static str, Picture); 6] {
    let device = Device::flex();
    let focal = [0.0, 0.5, 1.0, 2.0, 5.0].map(|gamma| {
        let loss = FocalLossConfig::new().with_gamma(gamma).with_alpha(Alpha::None).init(&device);
        curve(&format!("gamma = {gamma}"), |a, b| loss.forward_no_reduction(a, b), 5.0, 1.0)
    });
    let quantile = [0.1, 0.25, 0.5, 0.9].map(|tau| {
        let loss = QuantileLossConfig::new().with_tau(tau).init(&device);
        curve(&format!("tau = {tau}"), |a, b| loss.forward_no_reduction(a, b), 3.0, 0.0)
    });
    let robust = ["mae", "huber", "log_cosh", "tukey_biweight"].map(|kind| {
        let config = LossConfig::from_kind("regression", kind).expect("a loss without required fields");
        let AnyLoss::Regression(loss) = config.init(&device) else { unreachable!("the family is regression") };
        curve(kind, |a, b| loss.forward_no_reduction(a, b), 6.0, 0.0)
    });
    let margins = ["hinge", "ramp"].map(|kind| {
        let config = LossConfig::from_kind("binary", kind).expect("a loss without required fields");
        let AnyLoss::Binary(loss) = config.init(&device) else { unreachable!("the family is binary") };
        curve(kind, |a, b| loss.forward_no_reduction(a, b), 4.0, 1.0)
    });
    let error = "prediction \u{2212} target";
    [
        (
            "focal",
            picture("Focal loss", "gamma down-weights examples that are right already", "logit of a positive", &focal),
        ),
        ("quantile", picture("Quantile loss", "tau weights the two directions of the error", error, &quantile)),
        (
            "psi",
            picture(
                "Multiplicative angular margins",
                "psi of L-Softmax and A-Softmax; m = 1 is the cosine",
                "angle between embedding and class, in degrees",
                &[1, 2, 3, 4].map(psi),
            ),
        ),
        (
            "margins",
            picture(
                "Hinge and ramp",
                "the ramp ends the hinge where labels are wrong",
                "logit of a positive",
                &margins,
            ),
        ),
        (
            "tversky",
            picture(
                "Tversky loss",
                "fn_weight weights what is missed; fp_weight is 1 \u{2212} fn_weight",
                "size of the region that is found, in sizes of the mask",
                &[0.3, 0.5, 0.7].map(tversky),
            ),
        ),
        ("robust", picture("Robust regression", "the gradient is the influence of an outlier", error, &robust)),
    ]
}

/// Run with `BURN_LOSSES_WRITE=1` to write them.
#[test]
fn generated_pictures_of_the_guide() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src");
    // The package alone does not contain the guide.
    if !guide.exists() {
        return;
    }
    let folder = guide.join("pictures");
    let is_write = std::env::var("BURN_LOSSES_WRITE").as_deref() == Ok("1");
    for (name, picture) in pictures() {
        let light = picture.svg(None);
        let hex = |[red, green, blue]: [u8; 3]| format!("#{red:02x}{green:02x}{blue:02x}");
        let dark = DARK.iter().fold(light.clone(), |svg, (light, dark)| svg.replace(&hex(*light), &hex(*dark)));
        for (page, svg) in [("light", light), ("dark", dark)] {
            let path = folder.join(format!("{name}-{page}.svg"));
            if is_write {
                fs::create_dir_all(&folder).expect("a folder that can be made");
                fs::write(&path, svg).expect("a picture that can be written");
            } else {
                let written = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
                assert!(written == svg, "docs/src/pictures/{name}-{page}.svg is old: run `cargo xtask generate`");
            }
        }
    }
}
