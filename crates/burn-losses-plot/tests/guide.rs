//! The pictures of the README and of the guide: what a parameter does, on light and on dark pages.

use burn::tensor::Device;
use burn_losses::binary::FocalLossConfig;
use burn_losses::formula::{Dual, Formula};
use burn_losses::regression::{
    HuberLossConfig, LogCoshLossConfig, MaeLossConfig, QuantileLossConfig, TukeyBiweightLossConfig,
};
use burn_losses_plot::{Curve, Panel, Picture};
use std::fs;
use std::path::Path;

/// The colors of a light page, and those of a dark one.
const DARK: [(&str, &str); 6] = [
    ("#ffffff", "#0d1117"),
    ("#1e1e1e", "#e6edf3"),
    ("#555555", "#a9b4c0"),
    ("#e6e6e6", "#272e38"),
    ("#969696", "#6e7681"),
    ("#0072b2", "#4aa3df"),
];

/// A loss of two numbers, whose second number is 0 or 1.
fn curve(name: &str, loss: &impl Formula, end: f64, target: f64) -> Curve {
    let at: Vec<f64> = (-120..=120).map(|i| f64::from(i) / 120.0 * end).collect();
    let points: Vec<_> =
        at.iter().map(|x| loss.eval(Dual::<f64, 1>::variable(*x, 0), Dual::constant(target))).collect();
    Curve {
        name: name.to_owned(),
        at,
        value: points.iter().map(|point| point.value).collect(),
        gradient: points.iter().map(|point| point.slope[0]).collect(),
    }
}

fn picture(title: &str, subtitle: &str, x: &str, curves: &[Curve]) -> Picture {
    Picture {
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        panels: Panel::curves(x, "gradient", curves).into(),
        note: String::new(),
    }
}

fn pictures() -> [(&'static str, Picture); 3] {
    let device = Device::flex();
    let focal = [0.0, 0.5, 1.0, 2.0, 5.0].map(|gamma| {
        let mut config = FocalLossConfig::new().with_gamma(gamma);
        config.alpha = burn_losses::config::Alpha::None;
        curve(&format!("gamma = {gamma}"), &config.init(&device), 5.0, 1.0)
    });
    let quantile = [0.1, 0.5, 0.9]
        .map(|tau| curve(&format!("tau = {tau}"), &QuantileLossConfig::new().with_tau(tau).init(&device), 3.0, 0.0));
    let robust = [
        curve("mae", &MaeLossConfig::new().init(&device), 6.0, 0.0),
        curve("huber", &HuberLossConfig::new().init(&device), 6.0, 0.0),
        curve("log_cosh", &LogCoshLossConfig::new().init(&device), 6.0, 0.0),
        curve("tukey_biweight", &TukeyBiweightLossConfig::new().init(&device), 6.0, 0.0),
    ];
    let error = "prediction \u{2212} target";
    [
        (
            "focal",
            picture("Focal loss", "gamma down-weights examples that are right already", "logit of a positive", &focal),
        ),
        ("quantile", picture("Quantile loss", "tau weights the two directions of the error", error, &quantile)),
        ("robust", picture("Robust regression", "the gradient is the influence of an outlier", error, &robust)),
    ]
}

/// Run with `BURN_LOSSES_WRITE=1` to write them.
#[test]
fn the_pictures_of_the_guide_are_as_they_are_now() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/pictures");
    let is_write = std::env::var("BURN_LOSSES_WRITE").as_deref() == Ok("1");
    for (name, picture) in pictures() {
        let light = picture.svg(None);
        let dark = DARK.iter().fold(light.clone(), |svg, (light, dark)| svg.replace(light, dark));
        for (page, svg) in [("light", light), ("dark", dark)] {
            let path = folder.join(format!("{name}-{page}.svg"));
            if is_write {
                fs::create_dir_all(&folder).expect("a folder that can be made");
                fs::write(&path, svg).expect("a picture that can be written");
            } else {
                let written = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
                assert!(written == svg, "docs/src/pictures/{name}-{page}.svg is old: run `cargo xtask gallery`");
            }
        }
    }
}
