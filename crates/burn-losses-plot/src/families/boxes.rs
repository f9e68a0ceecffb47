//! Losses of boxes: drawn over the position of a box that moves across a fixed one.

use super::{LOSS, Sample, batch_note, derivative};
use crate::error::PlotError;
use crate::panel::{Curve, Map};
use crate::probe::{Batch, Probe, even, numbers};
use burn_losses::boxes::{AnyBoxesLoss, BoxFormat, BoxFormat3d, BoxesLoss};
use burn_losses::extend::{BoxTargets, Boxes};
use serde_json::Value;

/// How far the box moves. The numbers of columns and rows are odd, so that it passes through the middle.
const REACH: f64 = 4.0;
const COLUMNS: usize = 161;
const ROWS: usize = 81;
/// Half the width and height of the moving box. Its shape differs from the target's, since losses treat that differently.
const MOVING: [f64; 2] = [1.5, 0.75];
const FIXED: [f64; 2] = [1.0, 1.0];

/// The loss in an image in which the boxes of the map fit; the size that a config names may be that of normalized coordinates.
pub(super) fn in_an_image(probe: Probe) -> Result<Probe, PlotError> {
    let is_small = |name: &&str| probe.field(name).and_then(Value::as_f64).is_some_and(|side| side < 2.0 * REACH);
    let small: Vec<_> = ["image_width", "image_height"].into_iter().filter(is_small).collect();
    small.into_iter().try_fold(probe, |probe, side| probe.with(side, 2.0 * REACH))
}

pub(super) fn sample(probe: &Probe, loss: &AnyBoxesLoss) -> Result<Sample, PlotError> {
    let kind = loss.targets();
    if kind == BoxTargets::Bins {
        return bins(probe);
    }
    let (xs, ys) = (even(-REACH, REACH, COLUMNS), even(-REACH, REACH, ROWS));
    let format = loss.format();
    let predictions: Vec<f64> =
        ys.iter().flat_map(|&y| xs.iter().flat_map(move |&x| numbers_of_kind(kind, format, [x, y], MOVING))).collect();
    let (count, width) = (COLUMNS * ROWS, kind.width());
    let batch = Batch::default().floats("predictions", predictions, [count, width]).floats(
        "targets",
        numbers_of_kind(kind, format, [0.0; 2], FIXED).repeat(count),
        [count, width],
    );
    let evaluation = probe.evaluate(&batch)?;
    let dependent = probe.depends_on_batch(&batch, &evaluation)?;
    let (values, gradients) = (numbers(&evaluation.unreduced), numbers(&evaluation.gradients["predictions"]));
    let by_dx = |box_gradient: &[f64]| match (kind, format) {
        (BoxTargets::Solids(BoxFormat3d::Xyzxyz), _) => box_gradient[0] + box_gradient[3],
        (BoxTargets::Solids(BoxFormat3d::Cxcyczwhd) | BoxTargets::Rotated, _) => box_gradient[0],
        (_, BoxFormat::Xyxy) => box_gradient[0] + box_gradient[2],
        (_, BoxFormat::Ltrb) => box_gradient[2] - box_gradient[0],
        (_, BoxFormat::Cxcywh | BoxFormat::Xywh) => box_gradient[0],
    };
    let rows = [(ROWS / 2, "dy = 0"), (ROWS / 2 + ROWS / 8, "dy = 1")];
    let curve = |(row, name): (usize, &str)| Curve {
        name: name.to_owned(),
        at: xs.clone(),
        value: values[row * COLUMNS..(row + 1) * COLUMNS].to_vec(),
        gradient: gradients[row * COLUMNS * width..(row + 1) * COLUMNS * width].chunks(width).map(by_dx).collect(),
    };
    let curves = rows.map(curve).to_vec();
    let map = Map {
        title: LOSS.into(),
        x: ("dx".into(), -REACH, REACH),
        y: ("dy".into(), -REACH, REACH),
        columns: COLUMNS,
        cuts: rows.map(|(row, _)| [(-REACH, ys[row]), (REACH, ys[row])]).to_vec(),
        values,
    };
    let mut notes = vec!["a box 3 wide and 1.5 high whose center is (dx, dy) off that of a box 2 wide and high; the dotted lines are the curves".into()];
    match kind {
        BoxTargets::Rotated => notes.push("the angle of both is 0".into()),
        BoxTargets::Solids(_) => notes.push("both are 2 deep, at the same depth".into()),
        BoxTargets::Boxes | BoxTargets::Bins => {}
    }
    if let [Some(width), Some(height)] = ["image_width", "image_height"].map(|side| probe.field(side)?.as_f64()) {
        notes.push(format!("in an image {width} wide and {height} high"));
    }
    notes.extend(batch_note(dependent, "all boxes of the map"));
    Ok(Sample { map: Some(map), x: "dx".into(), gradient: derivative("dx"), curves, unit: Some(1.0), notes })
}

/// A box around a center, as the loss takes it: upright, and 2 deep.
fn numbers_of_kind(kind: BoxTargets, format: BoxFormat, [x, y]: [f64; 2], [w, h]: [f64; 2]) -> Vec<f64> {
    match kind {
        BoxTargets::Boxes | BoxTargets::Bins => numbers_of(format, [x, y], [w, h]).to_vec(),
        BoxTargets::Rotated => vec![x, y, 2.0 * w, 2.0 * h, 0.0],
        BoxTargets::Solids(BoxFormat3d::Xyzxyz) => vec![x - w, y - h, -1.0, x + w, y + h, 1.0],
        BoxTargets::Solids(BoxFormat3d::Cxcyczwhd) => vec![x, y, 0.0, 2.0 * w, 2.0 * h, 2.0],
    }
}

/// A box around a center, in the format of the config; distances are measured from the center of the target.
fn numbers_of(format: BoxFormat, [x, y]: [f64; 2], [w, h]: [f64; 2]) -> [f64; 4] {
    match format {
        BoxFormat::Xyxy => [x - w, y - h, x + w, y + h],
        BoxFormat::Cxcywh => [x, y, 2.0 * w, 2.0 * h],
        BoxFormat::Xywh => [x - w, y - h, 2.0 * w, 2.0 * h],
        BoxFormat::Ltrb => [w - x, h - y, x + w, y + h],
    }
}

/// A loss that takes a distribution over bins for each side: drawn over the logit of one bin, with the others at 0.
fn bins(probe: &Probe) -> Result<Sample, PlotError> {
    const BINS: usize = 8;
    const BIN: usize = 3;
    let at = even(-4.0, 8.0, 241);
    let side = |x: f64| (0..BINS).map(move |bin| if bin == BIN { x } else { 0.0 });
    let predictions: Vec<f64> = at.iter().flat_map(|&x| (0..4).flat_map(move |_| side(x))).collect();
    let mut curves = Vec::new();
    for target in [3.0, 3.25, 3.5] {
        let batch = Batch::default().floats("predictions", predictions.clone(), [at.len(), 4 * BINS]).floats(
            "targets",
            vec![target; 4 * at.len()],
            [at.len(), 4],
        );
        let evaluation = probe.evaluate(&batch)?;
        let row = |row: &[f64]| row.iter().skip(BIN).step_by(BINS).sum();
        curves.push(Curve {
            name: format!("target {target}"),
            at: at.clone(),
            value: numbers(&evaluation.unreduced),
            gradient: numbers(&evaluation.gradients["predictions"]).chunks(4 * BINS).map(row).collect(),
        });
    }
    Ok(Sample {
        map: None,
        x: "logit of bin 3".into(),
        gradient: derivative("logit of bin 3"),
        curves,
        unit: Some(1.0),
        notes: vec![format!("{BINS} bins for each side, the other logits being 0; the four sides alike")],
    })
}
