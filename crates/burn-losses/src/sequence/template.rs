//! TODO: its name.

use super::{Alignment, Lattice, Normalize, SequenceInput, SequenceLayout, SequenceLoss};
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `-ln sum_a prod_t p(a_t | t)` over all alignments a. TODO: with the paper's symbols.
///
/// # When to use
/// TODO: in one to three sentences, and what to take instead.
///
/// # Numerics
/// TODO: what is stabilized, and the gradient at kinks.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{prelude::*, sequence::TemplateLossConfig};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().init(&device);
/// let labels = Tensor::<2, Int>::from_ints([[1]], &device);
/// let [steps, count] = [2, 1].map(|length| Tensor::<1, Int>::from_ints([length], &device));
/// let value = loss.forward(Tensor::<3>::zeros([1, 2, 2], &device), labels, steps, count);
/// assert!((value.into_scalar::<f32>() + 0.75f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(sequence, "template", "TODO: what it is for, in one line")]
pub struct TemplateLoss {
    config: TemplateLossConfig,
}

/// Config of [`TemplateLoss`].
#[loss_config]
pub struct TemplateLossConfig {
    /// TODO: what it means.
    #[field(default = 0)]
    pub blank: usize,
}

impl SequenceLoss for TemplateLoss {
    fn alignment(&self) -> Alignment {
        Alignment {
            lattice: Lattice::Ctc,
            input: SequenceInput::Logits,
            layout: SequenceLayout::Ntc,
            blank: self.config.blank,
            zero_infinity: false,
            normalize: Normalize::None,
            fast_emit: 0.0,
            clamp: None,
        }
    }
}
