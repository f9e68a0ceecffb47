//! The content of pictures.

use burn_losses::binary::FocalLossConfig;
use burn_losses::{LossConfig, registry};
use burn_losses_plot::{Line, Panel, Picture, PlotError};

fn picture(family: &str, kind: &str) -> Picture {
    Picture::new(&[LossConfig::example(family, kind).unwrap()]).unwrap()
}

fn lines(panel: &Panel) -> &[Line] {
    match panel {
        Panel::Lines { lines, .. } => lines,
        Panel::Map(map) => panic!("{} is a map", map.title),
    }
}

/// The last two panels: the values and the derivatives.
fn curves(picture: &Picture) -> (&[Line], &[Line]) {
    let [.., value, gradient] = picture.panels.as_slice() else { panic!("two panels") };
    (lines(value), lines(gradient))
}

/// If a loss treats nothing as constant, its derivative is the slope of its value. Kinks lie between two points.
#[test]
fn derivatives_are_those_of_the_values() {
    type Slope = fn(f64) -> f64;
    let losses: [(&str, &str, Slope); 15] = [
        ("regression", "huber", |_| 1.0),
        ("binary", "focal", |_| 1.0),
        ("classification", "cross_entropy", |_| 1.0),
        ("distribution", "kl_divergence", |p| p * (1.0 - p)),
        ("distribution", "distillation", |p| p * (1.0 - p)),
        ("segmentation", "dice", |_| 1.0),
        ("segmentation", "jaccard", |_| 1.0),
        ("boxes", "giou", |_| 1.0),
        ("boxes", "distribution_focal", |_| 1.0),
        ("heads", "arcface", |_| 180.0 / std::f64::consts::PI),
        ("heads", "softmax", |_| 1.0),
        ("metric", "triplet", |_| 1.0),
        ("metric", "nt_xent", |_| 1.0),
        ("metric", "clip", |_| 1.0),
        ("metric", "center", |_| 1.0),
    ];
    for (family, kind, scale) in losses {
        let picture = picture(family, kind);
        let (values, gradients) = curves(&picture);
        assert_eq!(values.len(), gradients.len());
        for (value, gradient) in values.iter().zip(gradients) {
            let largest = gradient.points.iter().fold(0.0f64, |largest, point| largest.max(point.1.abs()));
            let slopes = value.points.windows(3).zip(&gradient.points[1..]);
            let wrong = slopes.filter(|(points, (x, slope))| {
                let quotient = (points[2].1 - points[0].1) / (points[2].0 - points[0].0);
                (quotient * scale(*x) - slope).abs() > 0.03 * largest
            });
            let (wrong, all) = (wrong.count(), value.points.len());
            assert!(largest > 0.0 && wrong * 10 < all, "{family}/{kind} {}: {wrong} of {all} slopes", value.name);
        }
    }
}

#[test]
fn values_by_hand() {
    let at = |lines: &[Line], line: usize, x: f64| {
        let point = lines[line].points.iter().find(|point| (point.0 - x).abs() < 1e-9);
        point.unwrap_or_else(|| panic!("no point at {x}")).1
    };
    let huber = picture("regression", "huber");
    let (values, gradients) = curves(&huber);
    assert_eq!((at(values, 0, 3.0), at(gradients, 0, -3.0)), (2.5, -1.0));
    let bce = picture("binary", "bce");
    let (values, gradients) = curves(&bce);
    assert_eq!(
        values.iter().map(|line| line.name.as_str()).collect::<Vec<_>>(),
        ["target 1", "target 0", "target 0.5"]
    );
    assert!((at(values, 0, 0.0) - 2f64.ln()).abs() < 1e-12 && (at(gradients, 1, 0.0) - 0.5).abs() < 1e-12);
    // A hinge loss has no soft targets.
    assert_eq!(curves(&picture("binary", "hinge")).0.len(), 2);
    // Both boxes have the same center: their intersection is 3, their union 5.5.
    let Panel::Map(map) = &picture("boxes", "iou").panels[0] else { panic!("a map comes first") };
    let middle = map.values[map.values.len() / 2];
    assert!((middle - (1.0 - 3.0 / 5.5)).abs() < 1e-12, "{middle}");
    // The loss is max(0, d(a, p) - d(a, n) + 0.2).
    let triplet = picture("metric", "triplet");
    let Panel::Map(map) = &triplet.panels[0] else { panic!("a map comes first") };
    assert!((map.values[map.values.len() - map.columns] - (1.99 + 0.2)).abs() < 1e-6);
    assert_eq!(map.values[map.columns - 1], 0.0);
}

#[test]
fn what_depends_on_its_batch_says_so() {
    let note = |family, kind| picture(family, kind).note;
    assert!(note("regression", "ghm_r").contains("depends on the batch"));
    assert!(note("binary", "balanced_bce").contains("nine negatives for each positive"));
    assert_eq!(note("regression", "mse"), "");
}

#[test]
fn several_configs_in_one_picture() {
    let focal = |gamma| LossConfig::Binary(FocalLossConfig::new().with_gamma(gamma).into());
    let both = Picture::new(&[focal(0.0), focal(2.0)]).unwrap();
    let names: Vec<_> = curves(&both).0.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["gamma = 0", "gamma = 0", "gamma = 0", "gamma = 2", "gamma = 2", "gamma = 2"]);
    let variants: Vec<_> = curves(&both).0.iter().take(3).map(|line| line.variant.as_str()).collect();
    assert_eq!(variants, ["target 1", "target 0", "target 0.5"]);

    let boxes = ["giou", "ciou"].map(|kind| LossConfig::from_kind("boxes", kind).unwrap());
    let titles: Vec<_> = Picture::new(&boxes)
        .unwrap()
        .panels
        .iter()
        .filter_map(|panel| match panel {
            Panel::Map(map) => Some(map.title.clone()),
            Panel::Lines { .. } => None,
        })
        .collect();
    assert_eq!(titles, ["giou", "ciou"]);

    let apart = ["triplet", "center"].map(|kind| LossConfig::example("metric", kind).unwrap());
    let error = Picture::new(&apart).unwrap_err().to_string();
    assert!(error.contains("`metric/triplet` and `metric/center` are not drawn over the same axes"), "{error}");
    assert!(matches!(Picture::new(&[]), Err(PlotError::Nothing)));
}

#[test]
fn a_sweep_shows_the_main_field() {
    let sweep = |family, kind| Picture::sweep(&LossConfig::example(family, kind).unwrap()).unwrap();
    let quantile = sweep("regression", "quantile");
    let (values, gradients) = curves(&quantile);
    let names: Vec<_> = values.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["tau = 0.1", "tau = 0.3", "tau = 0.5", "tau = 0.7", "tau = 0.9"]);
    // The error of a prediction above the target is weighed with 1 - tau.
    assert_eq!(gradients[0].points.last().unwrap().1, 0.9);
    // The map is that of the defaults alone.
    for picture in [sweep("metric", "triplet"), sweep("boxes", "focal_eiou")] {
        let maps = picture.panels.iter().filter(|panel| matches!(panel, Panel::Map(_))).count();
        assert_eq!((maps, picture.panels.len()), (1, 3), "{}", picture.title);
    }
    // A loss without fields is drawn as it is.
    assert_eq!(sweep("regression", "mse"), picture("regression", "mse"));
}

#[test]
fn a_derivative_that_is_zero_has_no_panel() {
    let titles = |kind| picture("binary", kind).panels.iter().map(|panel| title(panel).to_owned()).collect::<Vec<_>>();
    assert_eq!(titles("zero_one"), ["loss L"]);
    assert_eq!(titles("bce"), ["loss L", "dL/d(logit)"]);
}

fn title(panel: &Panel) -> &str {
    match panel {
        Panel::Lines { title, .. } => title,
        Panel::Map(map) => &map.title,
    }
}

/// What a loss measures has the size of what is drawn: the lengths of embeddings, the image.
#[test]
fn the_data_of_a_picture_fit_the_loss() {
    let adaface = picture("heads", "adaface");
    let at_the_end: Vec<_> = curves(&adaface).0.iter().map(|line| line.points.last().unwrap().1).collect();
    assert!(at_the_end.windows(2).all(|pair| pair[1] > pair[0] + 2.0), "{at_the_end:?}");
    let mpdiou = picture("boxes", "mpdiou");
    let Panel::Map(map) = &mpdiou.panels[0] else { panic!("a map comes first") };
    assert!(map.values.iter().all(|value| *value < 3.0) && mpdiou.note.contains("in an image 8 wide and 8 high"));
}

#[test]
fn a_sum_names_its_terms() {
    assert_eq!(picture("binary", "weighted_sum").note, "the terms are bce and focal");
}

#[test]
fn losses_of_a_family_are_compared() {
    let pictures = Picture::comparisons("regression").unwrap();
    let names: Vec<_> = pictures.iter().flat_map(|one| curves(one).0).map(|line| line.name.as_str()).collect();
    // With their defaults, both are the same.
    assert!(names.iter().any(|name| name.split(", ").collect::<Vec<_>>() == ["smooth_l1", "huber"]), "{names:?}");
    assert!(pictures.iter().all(|one| (2..=10).contains(&curves(one).0.len())));
}

#[test]
fn a_part_that_counts_as_constant_is_named() {
    let is_named = |family, kind| picture(family, kind).note.contains("treats a part of the value as a constant");
    assert!(is_named("boxes", "focal_eiou"));
    for (family, kind) in [("boxes", "giou"), ("binary", "bce"), ("heads", "softmax"), ("vectors", "euclidean")] {
        assert!(!is_named(family, kind), "{family}/{kind}");
    }
}

/// A loss that takes more than the error is drawn for two targets, in place of 0, where it may have no meaning.
#[test]
fn a_relative_error_has_a_curve_for_each_target() {
    let mape = picture("regression", "mape");
    let names: Vec<_> = curves(&mape).0.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["target 0.5", "target 1"]);
    // An error of 6 is twelve times the target.
    assert!((curves(&mape).0[0].points.last().unwrap().1 - 12.0).abs() < 1e-5);
}

/// Pictures of configs that need more than the defaults: lists per class, other inputs, other formats.
#[test]
fn configs_that_are_not_the_default() {
    let configs = [
        ("binary", "bce", "pos_weight: [1.0, 2.0, 3.0]"),
        ("binary", "bce", "input: probabilities"),
        ("classification", "cross_entropy", "class_weights: [1.0, 2.0, 3.0]"),
        ("distribution", "distillation", "hard_weight: 0.5\ntarget: log_probabilities"),
        ("segmentation", "dice", "activation: softmax\nover: batch"),
        ("segmentation", "dice", "activation: none"),
        ("boxes", "giou", "format: ltrb"),
        ("heads", "arcface", "num_classes: 100000\nembedding_dim: 512"),
        ("heads", "softmax", "num_classes: 2\nembedding_dim: 4\nclass_weights: [1.0, 2.0]"),
        ("metric", "triplet", "mining: hard\nnormalize: false\ndistance: cosine"),
    ];
    for (family, kind, fields) in configs {
        let text = format!("family: {family}\nkind: {kind}\n{fields}\n");
        let config: LossConfig = burn_losses::config::from_str(&text, burn_losses::config::Format::Yaml).unwrap();
        let picture = Picture::new(&[config]).unwrap();
        let finite = |line: &Line| line.points.iter().all(|point| point.1.is_finite());
        let (values, gradients) = curves(&picture);
        assert!(values.iter().chain(gradients).all(finite), "{text}");
    }
}

#[test]
fn a_size_that_is_given_is_kept() {
    let huber = picture("regression", "huber");
    for size in [(400, 300), (2000, 300), (300, 2000)] {
        let svg = huber.svg(Some(size));
        assert!(svg.contains(&format!("width=\"{}\" height=\"{}\"", size.0, size.1)), "{size:?}");
        let png = huber.png(Some(size));
        let [width, height] = [16, 20].map(|at| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()));
        assert_eq!((width, height), size);
    }
}

#[test]
fn every_loss_has_a_title_and_names_on_its_axes() {
    for info in registry().iter().filter(|info| info.family != "metric") {
        let picture = picture(info.family, info.kind);
        assert_eq!(picture.title, format!("{} / {}", info.family, info.kind));
        assert!(picture.subtitle.starts_with(info.summary));
        for panel in &picture.panels {
            match panel {
                Panel::Lines { title, x, .. } => assert!(!title.is_empty() && !x.is_empty()),
                Panel::Map(map) => assert!(!map.x.0.is_empty() && !map.y.0.is_empty()),
            }
        }
    }
}
