//! Segmentation: drawn over the probabilities inside and outside the mask.

use super::{LOSS, Sample, derivative};
use crate::error::PlotError;
use crate::panel::{Curve, Map};
use crate::probe::{Batch, Probe, even, numbers};
use burn_losses::segmentation::{Activation, AnySegmentationLoss, SegmentationLoss, SumOver};

/// The number of pixels; a quarter of them belongs to the class.
const PIXELS: usize = 100;
const MASK: usize = 25;
const SIDE: usize = 41;
/// The position at which the curves cut the map.
const INSIDE: f64 = 0.9;
const OUTSIDE: f64 = 0.1;

/// A value, and its derivatives with respect to the probabilities inside and outside.
type Point = (f64, [f64; 2]);

pub(super) fn sample(probe: &Probe, loss: &AnySegmentationLoss) -> Result<Sample, PlotError> {
    let axis = even(0.0, 1.0, SIDE);
    let grid: Vec<[f64; 2]> =
        axis.iter().flat_map(|&inside| axis.iter().map(move |&outside| [inside, outside])).collect();
    let values = || Ok::<_, PlotError>(points(probe, loss, &grid)?.into_iter().map(|(value, _)| value).collect());
    let at = even(0.0, 1.0, 121);
    let curve = |name: &str, side: usize, place: fn(f64) -> [f64; 2]| -> Result<Curve, PlotError> {
        let points = points(probe, loss, &at.iter().map(|&p| place(p)).collect::<Vec<_>>())?;
        let (value, slopes): (Vec<_>, Vec<_>) = points.into_iter().unzip();
        let gradient = slopes.into_iter().map(|slopes| slopes[side]).collect();
        Ok(Curve { name: name.to_owned(), at: at.clone(), value, gradient })
    };
    let curves = vec![
        curve("inside the mask (0.1 outside)", 0, |p| [p, OUTSIDE])?,
        curve("outside the mask (0.9 inside)", 1, |p| [INSIDE, p])?,
    ];
    let map = |values: Vec<f64>| Map {
        title: LOSS.into(),
        x: ("probability outside the mask".into(), 0.0, 1.0),
        y: ("probability inside the mask".into(), 0.0, 1.0),
        columns: SIDE,
        values,
        cuts: vec![[(OUTSIDE, 0.0), (OUTSIDE, 1.0)], [(0.0, INSIDE), (1.0, INSIDE)]],
    };
    Ok(Sample {
        map: probe.map(values, map)?,
        x: "probability".into(),
        gradient: derivative("probability of the pixels"),
        curves,
        unit: Some(1.0),
        notes: vec![format!("a mask of {MASK} of {PIXELS} pixels; the dotted lines are the curves")],
    })
}

/// The points at these places, of two classes: the background, with 1 - p at each pixel, and then the class itself.
fn points(probe: &Probe, loss: &AnySegmentationLoss, places: &[[f64; 2]]) -> Result<Vec<Point>, PlotError> {
    // If all samples have the value of their batch, they are evaluated one by one.
    if loss.regions().over == SumOver::Batch && places.len() > 1 {
        let each = places.iter().map(|place| points(probe, loss, &[*place]));
        return Ok(each.collect::<Result<Vec<_>, _>>()?.concat());
    }
    let (input, activation) = (loss.input(), loss.regions().activation);
    // A logit x of the class becomes the two logits -x and x, or half of that if only their difference matters.
    let share = if activation == Activation::Softmax { 0.5 } else { 1.0 };
    let safe = |p: f64| p.clamp(1e-3, 1.0 - 1e-3);
    let number = |p: f64| match activation {
        Activation::None => [1.0 - p, p],
        _ => [-share, share].map(|sign| sign * (safe(p) / (1.0 - safe(p))).ln()),
    };
    let pixel = |[inside, outside]: [f64; 2], i: usize| if i < MASK { inside } else { outside };
    let channel = |place: [f64; 2], class: usize| (0..PIXELS).map(move |i| number(pixel(place, i))[class]);
    let numbers_in: Vec<f64> = places.iter().flat_map(|&place| channel(place, 0).chain(channel(place, 1))).collect();
    let masks = || (0..2).flat_map(|class| (0..PIXELS).map(move |i| f64::from(u8::from((i < MASK) == (class == 1)))));
    let count = places.len();
    let batch = Batch::default()
        .floats(input, numbers_in, [count, 2, PIXELS])
        .floats("masks", (0..count).flat_map(|_| masks()).collect(), [count, 2, PIXELS])
        .floats("weights", [0.0, 1.0].repeat(count), [count, 2]);
    let evaluation = probe.evaluate(&batch)?;
    let (values, gradient) = (numbers(&evaluation.unreduced), numbers(&evaluation.gradients[input]));
    let point = |(row, place): (usize, &[f64; 2])| {
        let slopes = &gradient[row * 2 * PIXELS..(row + 1) * 2 * PIXELS];
        let slope = |pixels: std::ops::Range<usize>, p: f64| {
            let by_number: f64 = pixels.map(|i| slopes[PIXELS + i] - slopes[i]).sum();
            by_number * if activation == Activation::None { 1.0 } else { share / (safe(p) * (1.0 - safe(p))) }
        };
        (values[2 * row + 1], [slope(0..MASK, place[0]), slope(MASK..PIXELS, place[1])])
    };
    Ok(places.iter().enumerate().map(point).collect())
}
