//! The batch of a loss for a form.

use super::cells::{Form, Reason};
use crate::probe::{batch_of_sizes, table_with};
use burn::tensor::{Device, FloatDType, TensorData};
use burn_losses::eval::Inputs;
use burn_losses::prelude::MetricLoss;
use burn_losses::signature::{Role, Shape, Signature};
use burn_losses::{AnyLoss, LossConfig, LossInfo, extend::Head};

/// The most pixels of the images of a batch.
const MOST_PIXELS: usize = 1 << 20;

/// A loss that means, the same loss that adds up, and a batch for both.
pub(super) struct Batch {
    pub(super) mean: LossConfig,
    pub(super) sum: LossConfig,
    pub(super) inputs: Inputs,
}

/// The batch of a form, or why the loss has none.
pub(super) fn batch(info: &LossInfo, form: Form) -> Result<Batch, Reason> {
    let config = |reduction| config(info, form, reduction).ok_or(Reason::Refused);
    let (mean, sum) = (config("mean")?, config("sum")?);
    let loss = mean.init(&Device::flex());
    let signature = loss.signatures().remove(0);
    if let Some(reason) = unfit(&loss, &signature, form) {
        return Err(reason);
    }
    let sizes = form.sizes();
    let mut inputs = batch_of_sizes(&loss, &sizes, 3.0, 2);
    let first = &inputs[loss.input()];
    if matches!(loss, AnyLoss::Image(_)) && first.num_elements() > MOST_PIXELS {
        return Err(Reason::ManyPixels);
    }
    if form == Form::OneRow && first.shape()[0] != sizes.rows {
        return Err(Reason::Rows);
    }
    if form == Form::Broadcast {
        repeat_first_row(&mut inputs, &signature);
    }
    let refuses = || loss.evaluate(&inputs, &Device::flex(), FloatDType::F64).is_err();
    if form == Form::OneColumn && refuses() {
        return Err(Reason::Refused);
    }
    Ok(Batch { mean, sum, inputs })
}

/// The loss with as many classes and numbers per embedding as the form has.
fn config(info: &LossInfo, form: Form, reduction: &str) -> Option<LossConfig> {
    let mut table = table_with(info, "reduction", &reduction.into());
    let sizes = form.sizes();
    for (field, size) in [("num_classes", sizes.classes.max(3)), ("embedding_dim", sizes.width)] {
        if info.fields.iter().any(|other| other.name == field) {
            table.insert(field, size as i64);
        }
    }
    if table.get("prior").is_some_and(|prior| prior.as_list().is_some()) {
        // A prior that has to be there has one number per class.
        table.insert("prior", (1..=sizes.classes).map(|class| class as f64).collect::<Vec<_>>());
    }
    LossConfig::from_value(table.into()).ok()
}

/// Why the loss has no batch of this form.
fn unfit(loss: &AnyLoss, signature: &Signature, form: Form) -> Option<Reason> {
    let has_one_axis = matches!(signature[0].shape, Shape::Axes(1, 1));
    let has_fixed_columns = match loss {
        AnyLoss::Boxes(_) | AnyLoss::Image(_) => true,
        AnyLoss::Sequence(_) => form == Form::OneColumn,
        _ => matches!(signature[0].shape, Shape::Parameters(number) if number > 1),
    };
    let compares_rows = match loss {
        AnyLoss::Metric(loss) => loss.class_vectors().is_none(),
        _ => false,
    };
    let has_directions = match loss {
        AnyLoss::Heads(head) => head.scaling().embeddings || head.scaling().weight,
        AnyLoss::Metric(_) => true,
        _ => false,
    };
    let has_no_classes = compares_rows || matches!(loss, AnyLoss::Ranking(_) | AnyLoss::SelfSupervised(_));
    match form {
        Form::Transposed | Form::OneColumn | Form::ManyClasses if has_one_axis => Some(Reason::OneAxis),
        Form::OneColumn | Form::ManyClasses if has_fixed_columns => Some(Reason::FixedColumns),
        Form::OneColumn if has_directions => Some(Reason::NoDirection),
        Form::Broadcast if compares_rows => Some(Reason::NoDirection),
        Form::ManyRows if compares_rows => Some(Reason::Pairs),
        Form::ManyClasses if has_no_classes => Some(Reason::NoClasses),
        _ => None,
    }
}

/// Whether every row of an argument is the first one if the batch is broadcast.
pub(super) fn is_repeated(signature: &Signature, name: &str) -> bool {
    let of_rows = [Role::Prediction, Role::Target, Role::Weight];
    signature.iter().any(|argument| argument.name == name && of_rows.contains(&argument.role))
}

fn repeat_first_row(inputs: &mut Inputs, signature: &Signature) {
    for (name, data) in inputs {
        if data.dtype().is_float() && is_repeated(signature, name) {
            let (numbers, rows) = (data.iter::<f64>().collect::<Vec<_>>(), data.shape()[0]);
            *data = TensorData::new(numbers[..numbers.len() / rows].repeat(rows), data.shape().clone());
        }
    }
}

/// The inputs, rounded to a type, as f64.
pub(super) fn rounded(inputs: &Inputs, dtype: FloatDType) -> Inputs {
    let round = |data: &TensorData| match data.dtype().is_float() {
        true => data.clone().convert_dtype(dtype.into()).convert::<f64>(),
        false => data.clone(),
    };
    inputs.iter().map(|(name, data)| (name.clone(), round(data))).collect()
}
