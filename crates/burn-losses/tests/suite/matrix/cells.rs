//! The axes of the matrix, and the reasons for which a cell of it does not run.

use crate::probe::Sizes;
use burn::tensor::{DType, FloatDType};
use burn_losses::signature::Layout;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The types of floats.
pub(super) const TYPES: [(&str, FloatDType); 4] =
    [("f64", FloatDType::F64), ("f32", FloatDType::F32), ("f16", FloatDType::F16), ("bf16", FloatDType::BF16)];

/// The distance from 1 to the next number of a type, and the distance of its numbers near 0.
pub(super) fn spacing(dtype: DType) -> (f64, f64) {
    match dtype {
        DType::F64 => (f64::EPSILON, f64::from_bits(1)),
        DType::F32 => (f64::from(f32::EPSILON), f64::from(f32::from_bits(1))),
        DType::F16 => (half::f16::EPSILON.to_f64(), half::f16::MIN_POSITIVE_SUBNORMAL.to_f64()),
        DType::BF16 => (half::bf16::EPSILON.to_f64(), half::bf16::MIN_POSITIVE_SUBNORMAL.to_f64()),
        other => unreachable!("{other:?} is no type of the matrix"),
    }
}

/// How the loss is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    /// Tensor operations of Burn.
    Tensor,
    /// Kernels of the fused engine, on a backend without Burn's fusion.
    Fused,
    /// Kernels of the fused engine, in the queue of Burn's fusion.
    Fusion,
}

impl Path {
    pub(super) const ALL: [Self; 3] = [Self::Tensor, Self::Fused, Self::Fusion];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tensor => "tensor",
            Self::Fused => "fused",
            Self::Fusion => "fusion",
        }
    }

    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Tensor => "tensor operations of Burn; on wgpu under Burn's fusion",
            Self::Fused => "kernels of the fused engine, on a backend without Burn's fusion",
            Self::Fusion => "kernels of the fused engine, in the queue of Burn's fusion",
        }
    }
}

/// The shape of a batch, and how its numbers lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    Contiguous,
    Transposed,
    Sliced,
    Broadcast,
    OneColumn,
    Empty,
    OneRow,
    Prime,
    ManyRows,
    ManyClasses,
}

/// More rows than a GPU has groups on one axis.
const MANY_ROWS: usize = 65_537;
const MANY_CLASSES: usize = 50_000;

impl Form {
    pub(super) const ALL: [Self; 10] = [
        Self::Contiguous,
        Self::Transposed,
        Self::Sliced,
        Self::Broadcast,
        Self::OneColumn,
        Self::Empty,
        Self::OneRow,
        Self::Prime,
        Self::ManyRows,
        Self::ManyClasses,
    ];

    /// What the numbers are like, as the page says it.
    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Contiguous => "12 rows of 3 classes, and a third axis of 5 where the loss allows it, row after row",
            Self::Transposed => "the same, with the first two axes swapped in memory, as a part of a larger tensor",
            Self::Sliced => "the same, as a part of a larger tensor on the last axis",
            Self::Broadcast => "one row in memory that stands for 12; the labels still differ",
            Self::OneColumn => "`[12, 1]`: one class, one number per embedding or one item per list",
            Self::Empty => "no rows",
            Self::OneRow => "one row",
            Self::Prime => "131 rows of 7 classes, and a third axis of 13 (lists of 7 items, images of 13 x 5 pixels)",
            Self::ManyRows => "65,537 rows of 3 classes",
            Self::ManyClasses => "3 rows of 50,000 classes",
        }
    }

    pub(super) fn sizes(self) -> Sizes<'static> {
        let [rows, classes, width] = match self {
            Self::OneColumn => [12, 1, 1],
            Self::Empty => [0, 3, 4],
            Self::OneRow => [1, 3, 4],
            Self::Prime => [131, 7, 7],
            Self::ManyRows => [MANY_ROWS, 3, 4],
            Self::ManyClasses => [3, MANY_CLASSES, 4],
            Self::Contiguous | Self::Transposed | Self::Sliced | Self::Broadcast => [12, 3, 4],
        };
        let extra: &[usize] = match self {
            Self::Contiguous | Self::Transposed | Self::Sliced | Self::Broadcast => &[5],
            Self::Prime => &[13],
            _ => &[],
        };
        Sizes { rows, classes, width, extra }
    }

    pub(super) fn layout(self) -> Layout {
        match self {
            Self::Transposed => Layout::Transposed,
            Self::Sliced => Layout::Sliced,
            Self::Broadcast => Layout::Broadcast,
            _ => Layout::Contiguous,
        }
    }

    /// Whether it takes more than milliseconds.
    pub(super) fn is_large(self) -> bool {
        [Self::Prime, Self::ManyRows, Self::ManyClasses].contains(&self)
    }
}

/// The word of a form or of a reason in a file.
pub(super) fn word(of: &impl Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("a unit variant is a word: {other:?}"),
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&word(self))
    }
}

/// Why a cell does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    NoType,
    NoFunctions,
    NoFusion,
    AlwaysFusion,
    Oracle,
    NoKernel,
    FixedColumns,
    OneAxis,
    NoClasses,
    Pairs,
    ManyPixels,
    Rows,
    Refused,
    NoDirection,
    Fails,
    LeftOut,
}

impl Reason {
    pub(super) const ALL: [Self; 16] = [
        Self::NoType,
        Self::NoFunctions,
        Self::NoFusion,
        Self::AlwaysFusion,
        Self::Oracle,
        Self::NoKernel,
        Self::FixedColumns,
        Self::OneAxis,
        Self::NoClasses,
        Self::Pairs,
        Self::ManyPixels,
        Self::Rows,
        Self::Refused,
        Self::NoDirection,
        Self::Fails,
        Self::LeftOut,
    ];

    /// The reason as a sentence.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::NoType => "The device has no numbers of this type, as Burn says.",
            Self::NoFunctions => {
                "The driver has numbers of this type, but Burn's exp, ln or square root of 2.5 is wrong in it."
            }
            Self::NoFusion => "Burn's fusion is for GPUs; Flex and NdArray do not have it.",
            Self::AlwaysFusion => "The tests are built with Burn's fusion, so all kernels of wgpu wait in its queue.",
            Self::Oracle => "The cell is the oracle that the others are compared with.",
            Self::NoKernel => {
                "No kernel ran: the loss is computed with tensor operations there, which is the cell beside it."
            }
            Self::FixedColumns => {
                "The loss fixes the size of this axis: the numbers of a box, the parameters of a target, the channels of an image, or at least a blank and a label."
            }
            Self::OneAxis => "The loss takes one number per row, so there is no second axis.",
            Self::NoClasses => {
                "The loss has no axis of classes: labels of embeddings may be any integers, and an axis of items or of features is none."
            }
            Self::Pairs => "The loss compares all rows with one another, and these would be 4 * 10^9 pairs.",
            Self::ManyPixels => {
                "So many images of the smallest size have more than 2^20 pixels, whose windows take minutes."
            }
            Self::Rows => "The loss compares rows, and takes at least two.",
            Self::Refused => {
                "The loss or its config refuses this size with an error, as for the softmax of one class, which is always 1."
            }
            Self::NoDirection => {
                "An embedding of one number has a sign and no direction, and equal rows have the same direction: all cosines are 1 or -1, where the exact slope is 0 or infinite, and only rounding is left to compare."
            }
            Self::Fails => {
                "The call fails, or gives a NaN or an infinity that the oracle does not: a fault that is still open."
            }
            Self::LeftOut => "The cell was left out of the run; `cargo xtask parity` has it.",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&word(self))
    }
}
