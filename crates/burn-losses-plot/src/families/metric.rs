//! Metric learning: an anchor is drawn over its positive and its negative, or over the distance to its center.

use super::{LOSS, Sample, derivative};
use crate::error::PlotError;
use crate::panel::{Curve, Map};
use crate::probe::{Batch, Probe, even, numbers};
use burn_losses::metric::{AnyMetricLoss, MetricLoss};
use burn_losses::{AnyLoss, extend::Anchors};

/// The size of the embeddings. The anchor is (1, 0, 0); the positive is rotated away in one plane, the negative in another.
const SIZE: usize = 3;
const SIDE: usize = 41;

/// The measure of how far apart two vectors of length 1 are.
#[derive(Clone, Copy, PartialEq)]
enum Measure {
    Distance,
    Cosine,
}

impl Measure {
    fn name(self) -> &'static str {
        if self == Self::Distance { "distance" } else { "cosine" }
    }

    /// The range of the axis; at the very ends an angle has no derivative.
    fn range(self) -> (f64, f64) {
        if self == Self::Distance { (0.0, 1.99) } else { (-0.999, 0.999) }
    }

    /// The angle, and its derivative with respect to `x`.
    fn angle(self, x: f64) -> (f64, f64) {
        match self {
            Self::Distance => (2.0 * (x / 2.0).asin(), 1.0 / (1.0 - x * x / 4.0).sqrt()),
            Self::Cosine => (x.acos(), -1.0 / (1.0 - x * x).sqrt()),
        }
    }
}

pub(super) fn sample(probe: Probe) -> Result<Sample, PlotError> {
    let metric = |probe: &Probe| match probe.loss()? {
        AnyLoss::Metric(loss) => Ok::<_, PlotError>(loss),
        _ => unreachable!("the family is that of the config"),
    };
    let loss = metric(&probe)?;
    let has_class_vectors = loss.class_vectors().is_some();
    // The class vectors are proxies, which stand for a positive and a negative, or they are centers.
    if has_class_vectors && !loss.compares_cosines() {
        return center(probe);
    }
    let probe = if has_class_vectors { probe.with("num_classes", 2)?.with("embedding_dim", SIZE)? } else { probe };
    let loss = metric(&probe)?;
    // If the lengths need not be 1, the axes are distances; otherwise they are cosines.
    let measure = if probe.field("normalize").is_some() { Measure::Distance } else { Measure::Cosine };
    let trio = Trio { probe: &probe, loss: &loss, measure };
    let (low, high) = measure.range();
    let axis = even(low, high, SIDE);
    let grid = axis.iter().flat_map(|&positive| axis.iter().map(move |&negative| (positive, negative)));
    let values = || grid.map(|(p, n)| trio.at(p, n).map(|point| point.0)).collect::<Result<_, PlotError>>();
    let at = even(low, high, 161);
    let middle = if measure == Measure::Distance { 1.0 } else { 0.5 };
    let curve = |name: &str, side: usize| -> Result<Curve, PlotError> {
        let point = |&x: &f64| if side == 0 { trio.at(x, middle) } else { trio.at(middle, x) };
        let points = at.iter().map(point).collect::<Result<Vec<_>, _>>()?;
        let (value, slopes): (Vec<_>, Vec<_>) = points.into_iter().unzip();
        let gradient = slopes.into_iter().map(|slopes: [f64; 2]| slopes[side]).collect();
        Ok(Curve { name: format!("{} to the {name}", measure.name()), at: at.clone(), value, gradient })
    };
    let (x, y) = (format!("{} to the negative", measure.name()), format!("{} to the positive", measure.name()));
    let map = |values: Vec<f64>| Map {
        title: format!("{LOSS} of the anchor"),
        x: (x, low, high),
        y: (y, low, high),
        columns: SIDE,
        values,
        cuts: vec![[(low, middle), (high, middle)], [(middle, low), (middle, high)]],
    };
    let batch = match trio.shape() {
        Shape::Three => "a batch of the anchor, its positive and its negative",
        Shape::Views => "two views of two rows; the anchor is a row of the first",
        Shape::Proxies(_) => "one row, the proxy of its class and that of another class",
    };
    let fixed = format!("of the curves, the other {} is {middle}: the dotted lines", measure.name());
    Ok(Sample {
        map: probe.map(values, map)?,
        x: measure.name().into(),
        gradient: derivative(measure.name()),
        curves: vec![curve("positive", 0)?, curve("negative", 1)?],
        unit: Some(1.0),
        notes: vec![batch.into(), "all of length 1".into(), fixed],
    })
}

/// How a loss takes the positive and the negative.
enum Shape {
    Three,
    Views,
    /// As class vectors, in the argument of this name.
    Proxies(&'static str),
}

/// An anchor with a positive and a negative.
struct Trio<'a> {
    probe: &'a Probe,
    loss: &'a AnyMetricLoss,
    measure: Measure,
}

impl Trio<'_> {
    fn shape(&self) -> Shape {
        match self.loss.class_vectors() {
            Some((argument, _)) => Shape::Proxies(argument.name),
            None if self.loss.accepts(3, SIZE).is_err() => Shape::Views,
            None => Shape::Three,
        }
    }

    /// The value of the anchor, and its derivatives with respect to `positive` and `negative`.
    fn at(&self, positive: f64, negative: f64) -> Result<(f64, [f64; 2]), PlotError> {
        let ((p, dp), (n, dn)) = (self.measure.angle(positive), self.measure.angle(negative));
        let anchor = [1.0, 0.0, 0.0];
        let vectors = [[p.cos(), p.sin(), 0.0], [n.cos(), 0.0, n.sin()]];
        let batch = Batch::default();
        let (batch, name, first) = match self.shape() {
            Shape::Three => (
                batch
                    .floats("embeddings", [anchor, vectors[0], vectors[1]].concat(), [3, SIZE])
                    .integers("labels", vec![0, 0, 1], [3])
                    .floats("weights", vec![1.0, 0.0, 0.0], [3]),
                "embeddings",
                1,
            ),
            Shape::Views => (
                batch
                    .floats("embeddings", [anchor, vectors[1], vectors[0], vectors[1]].concat(), [4, SIZE])
                    .integers("labels", vec![0, 1, 0, 1], [4])
                    .floats("weights", vec![1.0, 0.0, 0.0, 0.0], [4]),
                "embeddings",
                2,
            ),
            Shape::Proxies(name) => (
                batch.floats("embeddings", anchor.to_vec(), [1, SIZE]).integers("labels", vec![0], [1]).floats(
                    name,
                    vectors.concat(),
                    [2, SIZE],
                ),
                name,
                0,
            ),
        };
        let evaluation = self.probe.evaluate(&batch)?;
        let gradients = numbers(&evaluation.gradients[name]);
        let slope = |row: usize| &gradients[row * SIZE..(row + 1) * SIZE];
        let (of_positive, of_negative) = (slope(first), slope(first + 1));
        let by_positive = of_positive[1] * p.cos() - of_positive[0] * p.sin();
        let by_negative = of_negative[2] * n.cos() - of_negative[0] * n.sin();
        Ok((numbers(&evaluation.unreduced)[0], [by_positive * dp, by_negative * dn]))
    }
}

fn center(probe: Probe) -> Result<Sample, PlotError> {
    let probe = probe.with("num_classes", 1)?.with("embedding_dim", 1)?;
    let at = even(0.0, 4.0, 161);
    let batch = Batch::default().floats("embeddings", at.clone(), [at.len(), 1]).integers(
        "labels",
        vec![0; at.len()],
        [at.len()],
    );
    let evaluation = probe.evaluate(&batch)?;
    let (value, gradient) = (numbers(&evaluation.unreduced), numbers(&evaluation.gradients["embeddings"]));
    Ok(Sample {
        map: None,
        x: "distance to the center".into(),
        gradient: derivative("distance"),
        curves: vec![Curve { name: String::new(), at, value, gradient }],
        unit: Some(1.0),
        notes: Vec::new(),
    })
}
