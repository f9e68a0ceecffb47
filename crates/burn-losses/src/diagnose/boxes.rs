//! Boxes that are not valid.

use super::report::{Floats, Report, Verdict};
use super::{Problem, Severity};
use crate::boxes::{BoxFormat, BoxTargets, BoxUnit};

/// The widths and heights of boxes, if they have the width of such targets; a box in three dimensions has none.
fn sizes_of(boxes: &Floats<'_>, targets: BoxTargets, format: BoxFormat) -> Option<Vec<[f64; 2]>> {
    match targets {
        BoxTargets::Boxes => sizes(boxes, format),
        BoxTargets::Rotated if boxes.shape.len() == 2 && boxes.shape[1] == 5 => {
            Some(boxes.numbers.as_chunks::<5>().0.iter().map(|numbers| [numbers[2], numbers[3]]).collect())
        }
        BoxTargets::Rotated | BoxTargets::Solids(_) | BoxTargets::Bins => None,
    }
}

/// The widths and heights of boxes, if the boxes are `[N, 4]`.
fn sizes(boxes: &Floats<'_>, format: BoxFormat) -> Option<Vec<[f64; 2]>> {
    (boxes.shape.len() == 2 && boxes.shape[1] == 4).then(|| {
        let size = |numbers: &[f64; 4]| match format {
            // They are not computed from the corners, which are rounded.
            BoxFormat::Cxcywh | BoxFormat::Xywh => [numbers[2], numbers[3]],
            BoxFormat::Xyxy => [numbers[2] - numbers[0], numbers[3] - numbers[1]],
            BoxFormat::Ltrb => [numbers[2] + numbers[0], numbers[3] + numbers[1]],
        };
        boxes.numbers.as_chunks().0.iter().map(size).collect()
    })
}

fn is_inverted(size: &[f64; 2]) -> bool {
    size.iter().any(|side| *side < 0.0)
}

fn is_degenerate(size: &[f64; 2]) -> bool {
    !is_inverted(size) && size.contains(&0.0)
}

/// Inverted and degenerate boxes. A model may predict such boxes, and training corrects them; a target must not be one.
pub(super) fn areas(report: &mut Report, boxes: &Floats<'_>, targets: BoxTargets, format: BoxFormat) {
    let Some(sizes) = sizes_of(boxes, targets, format) else { return };
    let is_target = boxes.name == "targets";
    let (severity, advice) = match is_target {
        true => (Severity::Error, "it counts as empty: nothing overlaps with it"),
        false => (Severity::Warning, "it counts as empty; fine early in training"),
    };
    let count = [sizes.len()];
    report.check(
        boxes.name,
        &count,
        |at| is_inverted(&sizes[at]),
        |at| Verdict { severity, problem: Problem::Inverted { width: sizes[at][0], height: sizes[at][1] }, advice },
    );
    let advice = match is_target {
        true => "nothing overlaps with it: padding? Give such rows the weight 0",
        false => "fine early in training",
    };
    report.check(
        boxes.name,
        &count,
        |at| is_degenerate(&sizes[at]),
        |at| Verdict {
            severity: Severity::Warning,
            problem: Problem::Degenerate { width: sizes[at][0], height: sizes[at][1] },
            advice,
        },
    );
}

/// Targets that make more sense in another format.
pub(super) fn format(report: &mut Report, targets: &Floats<'_>, format: BoxFormat) {
    let Some(sizes) = sizes(targets, format) else { return };
    let boxes: &[[f64; 4]] = targets.numbers.as_chunks().0;
    let inverted = sizes.iter().filter(|size| is_inverted(size)).count();
    let all = |fits: fn(&[f64; 4]) -> bool| !boxes.is_empty() && boxes.iter().all(fits);
    let (given, looks_like) = match format {
        BoxFormat::Xyxy if 2 * inverted > boxes.len() && all(|b| b[2] > 0.0 && b[3] > 0.0) => {
            ("xyxy", "`cxcywh` or `xywh`: many are inverted, and the last two numbers are positive")
        }
        // Few boxes are wider and higher than their distance from the origin, and hardly ever all boxes of a batch.
        BoxFormat::Cxcywh | BoxFormat::Xywh if boxes.len() >= 4 && all(|b| b[2] > b[0] && b[3] > b[1]) => (
            if format == BoxFormat::Xywh { "xywh" } else { "cxcywh" },
            "`xyxy`: the last two numbers are always larger than the first two",
        ),
        _ => return,
    };
    let advice = format!("set `format`, or convert them; fine if every box is really so ({} boxes)", boxes.len());
    report.say(Severity::Warning, targets.name, Problem::BoxFormat { given, looks_like }, &advice);
}

/// Boxes in pixels with an image of 1 x 1 in the config, or boxes in shares of the image with a size in pixels.
pub(super) fn units(report: &mut Report, boxes: &Floats<'_>, format: BoxFormat, units: Vec<BoxUnit>) {
    if sizes(boxes, format).is_none()
        || report.findings.iter().any(|finding| matches!(finding.problem, Problem::Units { .. }))
    {
        return;
    }
    let largest = boxes.numbers.iter().map(|x| x.abs()).filter(|x| x.is_finite()).fold(0.0, f64::max);
    for unit in units.into_iter().filter(|_| largest > 0.0) {
        let (field, value, advice) = match unit {
            // A predicted box may be somewhat larger than the image.
            BoxUnit::Picture { field, size } if largest > 10.0 * size => {
                (field, size, "pixels? Set the size of the picture")
            }
            BoxUnit::Object { field, size } if largest < size / 5.0 => {
                (field, size, "shares of the picture? The value is nearly flat there: set it to the size of an object")
            }
            _ => continue,
        };
        let field = format!("`{field} = {}`", super::short(value));
        report.say(Severity::Warning, boxes.name, Problem::Units { field, largest }, advice);
    }
}

/// Distances of `distribution_focal` outside its bins.
pub(super) fn bins(report: &mut Report, targets: &Floats<'_>, bins: usize) {
    let Some(last) = bins.checked_sub(1) else { return };
    let is_outside = |x: f64| x.is_finite() && !(0.0..=last as f64).contains(&x);
    report.check(
        targets.name,
        &targets.shape,
        |at| is_outside(targets.numbers[at]),
        |at| Verdict {
            severity: Severity::Error,
            problem: Problem::OutsideBins { value: targets.numbers[at], last },
            advice: "distances are in units of a bin: divide by the stride, or clamp them",
        },
    );
}
