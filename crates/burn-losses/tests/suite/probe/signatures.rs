//! Batches for any way to call a loss, as its signature describes them.

use super::numbers;
use burn::tensor::TensorData;
use burn_losses::AnyLoss;
use burn_losses::eval::Inputs;
use burn_losses::signature::{Argument, Classes, Kind, Role, Shape, Signature};

/// A batch for each other way to call a loss than the usual one.
pub(crate) fn other_batches(loss: &AnyLoss) -> Vec<Inputs> {
    let signatures = loss.signatures();
    let is_ignored = |argument: &Argument| matches!(argument.kind, Kind::Labels { ignored: Some(_), .. });
    let ignores = signatures[0].iter().any(is_ignored);
    // Rows of probabilities have no label that could be ignored.
    let fits = |signature: &&Signature| !ignores || signature[1].name != "probabilities";
    signatures.iter().skip(1).filter(fits).map(batch_of).collect()
}

/// A batch for a signature, with each argument as the signature describes it.
fn batch_of(signature: &Signature) -> Inputs {
    let prediction = match signature[0].shape {
        Shape::ClassAxis => vec![4, 3, 2],
        Shape::Parameters(number) => vec![4, number, 2],
        _ => vec![4, 4],
    };
    of_signature(signature, &prediction, 1.0, 1)
}

/// A batch for a signature: the prediction in this shape as far as it has as many axes, with numbers in [-scale, scale].
pub(super) fn of_signature(signature: &Signature, prediction: &[usize], scale: f64, seed: u64) -> Inputs {
    let prediction: Vec<usize> = match signature[0].shape {
        Shape::Axes(least, most) => {
            let fill = prediction.iter().copied().chain(std::iter::repeat(6));
            fill.take(prediction.len().clamp(least, most)).collect()
        }
        // Few channels of small images.
        Shape::Pictures(least) => {
            let side = |axis: usize| prediction.get(axis).map_or(least, |size| least.max(*size));
            vec![prediction[0], 2, side(2).max(4), side(3).max(5)]
        }
        _ => prediction.to_vec(),
    };
    let tensor = |(at, argument): (usize, &Argument)| {
        let shape = argument.shape.resolve(&prediction).unwrap_or_else(|| match argument.shape {
            Shape::Axes(1, _) if at > 0 => vec![2],
            // A transducer has one state more than there are labels.
            Shape::Rows(axes) => {
                [&prediction[..1], &vec![prediction.get(2).map_or(2, |size| size - 1); axes - 1]].concat()
            }
            _ => prediction.clone(),
        });
        let count = shape.iter().product();
        let numbers = numbers(count, seed + at as u64).into_iter();
        let data = match (argument.kind, argument.role) {
            (Kind::Labels { classes: Classes::NotBlank(blank), .. }, _) => {
                let labels: Vec<i64> = (0..prediction[prediction.len() - 1] as i64).collect();
                let labels = labels.into_iter().filter(|label| *label != blank as i64).cycle();
                TensorData::new(labels.take(count).collect::<Vec<_>>(), shape)
            }
            (Kind::Labels { classes: Classes::Length(axis), .. }, _) => {
                TensorData::new(vec![prediction[axis] as i64; count], shape)
            }
            (Kind::Labels { classes: Classes::LengthOfLabels, .. }, _) => {
                let most = prediction.get(2).map_or(2, |size| size - 1).min(2) as i64;
                TensorData::new((0..count).map(|at| (most - at as i64 % 2).max(0)).collect::<Vec<_>>(), shape)
            }
            (Kind::Labels { classes, .. }, _) => {
                let classes = classes.number(&prediction).unwrap_or(3);
                TensorData::new((0..count).map(|at| (at % classes) as i64).collect::<Vec<_>>(), shape)
            }
            (Kind::Mask, _) => TensorData::new((0..count).map(|at| at != 1).collect::<Vec<_>>(), shape),
            // The exponential of a log-variance is finite in half precision.
            (Kind::Float, Role::Prediction) if argument.name == "log_variance" => {
                TensorData::new(numbers.map(|u| (u * scale).min(8.0)).collect::<Vec<_>>(), shape)
            }
            (Kind::Float, Role::Prediction | Role::Parameter) if argument.name != "probabilities" => {
                TensorData::new(numbers.map(|u| u * scale).collect::<Vec<_>>(), shape)
            }
            // Numbers in (0, 1) fit a probability, a weight and a count.
            (Kind::Float, _) => TensorData::new(numbers.map(|u| 0.5 + 0.4 * u).collect::<Vec<_>>(), shape),
        };
        (argument.name.to_owned(), data)
    };
    signature.iter().enumerate().map(tensor).collect()
}
