//! What a loss of this family compares.

use crate::check::{Reference, widen};
use crate::engine::primitives::columns;
use crate::engine::vectors::{VectorKernel, Vectors, of_formula};
use crate::error::{InputError, InputProblem};
use crate::formula::VectorFormula;
use crate::reduction::{Extras, sum};
use burn::tensor::{Bool, Tensor};

/// Which tensors a loss compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// A chosen and a rejected answer.
    Pairs,
    /// A chosen and a rejected answer, each with what the reference model says about it.
    PairsWithReference,
    /// A chosen and a rejected answer, and optionally by how much the chosen one is better.
    PairsWithMargin,
    /// Single answers, which are desirable or not, each with what the reference model says about it.
    Single,
}

/// Answers with preferences: log-probabilities `[N]` of answers, or scores of a reward model.
///
/// A tuple of two tensors is (chosen, rejected), and one of four is (chosen, rejected, reference chosen, reference rejected).
#[derive(Debug, Clone)]
pub struct Preferences(Answers);

#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant)] // few of them exist at a time
enum Answers {
    Pairs { chosen: Tensor<1>, rejected: Tensor<1>, reference: Option<[Tensor<1>; 2]>, margin: Option<Tensor<1>> },
    Single { policy: Tensor<1>, reference: Tensor<1>, desirable: Tensor<1, Bool>, mismatched: Option<Tensor<1>> },
}

impl From<(Tensor<1>, Tensor<1>)> for Preferences {
    fn from((chosen, rejected): (Tensor<1>, Tensor<1>)) -> Self {
        Self::pairs(chosen, rejected)
    }
}

impl From<(Tensor<1>, Tensor<1>, Tensor<1>, Tensor<1>)> for Preferences {
    fn from((chosen, rejected, of_chosen, of_rejected): (Tensor<1>, Tensor<1>, Tensor<1>, Tensor<1>)) -> Self {
        Self::pairs(chosen, rejected).with_reference(of_chosen, of_rejected)
    }
}

impl Preferences {
    /// Pairs of answers: what the model says about the chosen and about the rejected one.
    pub fn pairs(chosen: Tensor<1>, rejected: Tensor<1>) -> Self {
        Self(Answers::Pairs { chosen, rejected, reference: None, margin: None })
    }

    /// Single answers: what the model and the reference model say about each, and whether it is desirable.
    pub fn single(policy: Tensor<1>, reference: Tensor<1>, desirable: Tensor<1, Bool>) -> Self {
        Self(Answers::Single { policy, reference, desirable, mismatched: None })
    }

    /// Pairs with what the reference model says about the chosen and about the rejected answers.
    ///
    /// # Panics
    /// If these are no pairs.
    #[must_use]
    #[track_caller]
    pub fn with_reference(self, chosen: Tensor<1>, rejected: Tensor<1>) -> Self {
        match self.0 {
            Answers::Pairs { chosen: own, rejected: other, margin, .. } => {
                Self(Answers::Pairs { chosen: own, rejected: other, reference: Some([chosen, rejected]), margin })
            }
            Answers::Single { .. } => panic!("preferences: single answers have their reference already"),
        }
    }

    /// Pairs with the amount by which each chosen answer should be better than the rejected one.
    ///
    /// # Panics
    /// If these are no pairs.
    #[must_use]
    #[track_caller]
    pub fn with_margin(self, margin: Tensor<1>) -> Self {
        match self.0 {
            Answers::Pairs { chosen, rejected, reference, .. } => {
                Self(Answers::Pairs { chosen, rejected, reference, margin: Some(margin) })
            }
            Answers::Single { .. } => panic!("preferences: single answers have no margin"),
        }
    }

    /// Single answers with the log-ratios `[M]` of policy and reference for answers to other prompts. Their mean says how far the
    /// policy has moved; of several devices, give the mean over all as one number.
    ///
    /// # Panics
    /// If these are pairs.
    #[must_use]
    #[track_caller]
    pub fn with_mismatched(self, log_ratios: Tensor<1>) -> Self {
        match self.0 {
            Answers::Single { policy, reference, desirable, .. } => {
                Self(Answers::Single { policy, reference, desirable, mismatched: Some(log_ratios) })
            }
            Answers::Pairs { .. } => panic!("preferences: pairs have no mismatched answers"),
        }
    }

    pub(super) fn check(&self, loss: &'static str, compared: Compared, extras: &Extras) -> Result<(), InputError> {
        let error = |argument, problem| Err(InputError { loss, argument, problem });
        let missing = |argument, what: &str| error(argument, InputProblem::Missing(what.into()));
        let unsupported = |argument, what: &str| error(argument, InputProblem::Unsupported(what.into()));
        let (first, count) = match (&self.0, compared) {
            (Answers::Pairs { .. }, Compared::Single) => {
                return missing("policy", "the loss takes single answers: `Preferences::single`");
            }
            (Answers::Single { .. }, Compared::Pairs | Compared::PairsWithReference | Compared::PairsWithMargin) => {
                return missing("chosen", "the loss takes pairs: `Preferences::pairs`");
            }
            (Answers::Pairs { chosen, rejected, reference, margin }, _) => {
                let first = Reference { loss, name: "chosen", tensor: chosen };
                first.same("rejected", rejected)?;
                match (reference, compared) {
                    (Some([chosen, rejected]), Compared::PairsWithReference) => {
                        first.same("reference_chosen", chosen)?;
                        first.same("reference_rejected", rejected)?;
                    }
                    (None, Compared::PairsWithReference) => {
                        let why = "the loss compares with a reference model: `Preferences::with_reference`";
                        return missing("reference_chosen", why);
                    }
                    (Some(_), _) => return unsupported("reference_chosen", "the loss takes no reference model"),
                    (None, _) => {}
                }
                match margin {
                    Some(_) if compared != Compared::PairsWithMargin => {
                        return unsupported("margin", "the loss takes no margin of each pair");
                    }
                    Some(margin) => first.same("margin", margin)?,
                    None => {}
                }
                (first, chosen.dims())
            }
            (Answers::Single { policy, reference, desirable, mismatched }, _) => {
                let first = Reference { loss, name: "policy", tensor: policy };
                first.same("reference", reference)?;
                first.same("desirable", desirable)?;
                if let Some(mismatched) = mismatched {
                    first.companion("mismatched", mismatched, mismatched.dims(), "any number of log-ratios")?;
                }
                (first, policy.dims())
            }
        };
        first.extras(&count, extras)
    }

    /// The arguments of the formula: `[N, 2]` numbers of the model and `[N, 2]` numbers that they are compared with.
    pub(super) fn into_columns(self) -> (Tensor<2>, Tensor<2>) {
        let zeros = |like: &Tensor<1>| widen(like.clone()).without_autodiff().zeros_like();
        match self.0 {
            Answers::Pairs { chosen, rejected, reference, margin } => {
                let targets = match (reference, margin) {
                    (Some(reference), _) => reference,
                    (None, Some(margin)) => {
                        let zeros = zeros(&margin);
                        [margin, zeros]
                    }
                    (None, None) => [zeros(&chosen), zeros(&chosen)],
                };
                (columns([chosen, rejected]), columns(targets))
            }
            Answers::Single { policy, reference, desirable, mismatched } => {
                let zeros = zeros(&policy);
                let reference = widen(reference);
                let reference = match mismatched.filter(|ratios| ratios.dims() != [0]) {
                    None => reference,
                    Some(ratios) => {
                        let ratios = widen(ratios).without_autodiff();
                        let count = ratios.dims()[0] as f64;
                        let mean = (sum(ratios) * (1.0 / count)).clamp_min(0.0);
                        let shape = reference.dims();
                        reference + mean.expand(shape)
                    }
                };
                let signs = zeros.clone().mask_fill(desirable.without_autodiff(), 1.0);
                (columns([policy, zeros]), columns([reference, signs]))
            }
        }
    }
}

/// Two columns, on a device with autodiff if one of them is. Of no rows it is one column, since nothing is computed.
fn columns(numbers: [Tensor<1>; 2]) -> Tensor<2> {
    if numbers[0].dims() == [0] {
        let [first, _] = numbers;
        return widen(first).reshape([0, 1]);
    }
    let has_graph = numbers.iter().any(Tensor::is_autodiff);
    let numbers = numbers.map(|column| if has_graph { column.autodiff() } else { column });
    columns::columns(numbers.map(widen))
}

/// The rewards that the model gives two answers, without a gradient.
#[derive(Debug, Clone)]
pub struct Rewards {
    /// `[N]`: the rewards of the chosen answers.
    pub chosen: Tensor<1>,
    /// `[N]`: the rewards of the rejected answers.
    pub rejected: Tensor<1>,
}

impl Rewards {
    /// The rewards of pairs, each the log-probability times a factor, over that of the reference model if there is one.
    pub(super) fn of_pairs(preferences: Preferences, factor: f64) -> Self {
        let (predictions, targets) = preferences.into_columns();
        let rewards = (predictions.without_autodiff() - targets.without_autodiff()) * factor;
        let last = rewards.dims()[1] - 1;
        let [chosen, rejected] = [0, last].map(|column| rewards.clone().narrow(1, column, 1).squeeze_dim(1));
        Self { chosen, rejected }
    }

    /// How much better each chosen answer is: `[N]`.
    pub fn margins(&self) -> Tensor<1> {
        self.chosen.clone() - self.rejected.clone()
    }

    /// The share of the pairs in which the chosen answer has the higher reward: `[1]`.
    pub fn accuracy(&self) -> Tensor<1> {
        self.margins().greater_scalar(0.0).float().mean()
    }
}

/// How a loss of the family `preference` computes its values: number by number.
///
/// Every formula of two numbers of the model and two numbers that they are compared with is one: `[chosen, rejected]` with
/// `[reference_chosen, reference_rejected]` or `[margin, 0]`; or `[policy, 0]` with `[reference, desirable]`, where desirable is
/// 1 or 0, and the reference is that plus the mean of the mismatched log-ratios, if it is positive.
pub trait Comparisons: Sized {
    /// The formula for the fused engine.
    fn kernel(&self) -> VectorKernel;

    /// The `[N]` values of `[N, 2]` predictions and targets, as tensor operations.
    fn values(&self, predictions: Tensor<2>, targets: Tensor<2>) -> Tensor<1>;
}

impl<F: VectorFormula<2>> Comparisons for F {
    fn kernel(&self) -> VectorKernel {
        VectorKernel::new(self)
    }
    fn values(&self, predictions: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        of_formula(self, predictions, targets)
    }
}

/// A loss in the form that the executor takes.
pub(super) struct Columns<'a, L: ?Sized>(pub(super) &'a L);

impl<L: Comparisons> Vectors for Columns<'_, L> {
    fn kernel(&self) -> Option<VectorKernel> {
        Some(self.0.kernel())
    }
    fn values(&self, predictions: Tensor<2>, targets: Tensor<2>, _: Option<&Tensor<1, Bool>>) -> Tensor<1> {
        self.0.values(predictions, targets)
    }
}
