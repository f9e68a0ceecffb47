//! A queue of rows of earlier batches, without a gradient.

use crate::check::widen;
use crate::engine::pairs::anchors::mask_to_float;
use crate::engine::steps::Steps;
use crate::engine::{is_held, new_state, set_state, state_on};
use crate::formula::{Earlier, EarlierRows};
use crate::options::{Memory, MemoryFrom, MemoryNegatives};
use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, RunningState,
};
use burn::tensor::{Bool, Device, IndexingUpdateOp, Int, Tensor};

/// The queue of a [`Memory`]. The newest row is the last.
#[derive(Module, Debug)]
pub(crate) struct Queue {
    #[module(skip)]
    memory: Memory,
    /// `[size, E + 4]`, if E is known from the beginning: the rows, the digits of their labels, and 1 where a slot is filled.
    saved: Option<RunningState<Tensor<2>>>,
    /// The same, if E is not known.
    unsaved: Unsaved,
    /// The training steps so far.
    steps: Steps,
}

/// A state that is not saved: no record could tell its shape. Else it is moved and copied with the module.
#[derive(Debug, Clone)]
struct Unsaved(RunningState<Tensor<2>>);

impl Module for Unsaved {
    fn visit<V: ModuleVisitor>(&self, _: &mut V) {}
    fn map<M: ModuleMapper>(self, _: &mut M) -> Self {
        self
    }
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.0.collect_devices(devices)
    }
    fn to_device(self, device: &Device) -> Self {
        Self(self.0.to_device(device))
    }
    fn fork(self, device: &Device) -> Self {
        Self(self.0.fork(device))
    }
    fn valid(&self) -> Self {
        Self(self.0.valid())
    }
    fn train(self) -> Self {
        Self(self.0.train())
    }
    fn materialize(self) -> Self {
        self
    }
}

impl ModuleDisplay for Unsaved {}
impl ModuleDisplayDefault for Unsaved {
    fn content(&self, content: Content) -> Option<Content> {
        content.optional()
    }
}

/// A label is stored as three digits, small enough to be exact in single precision, which holds integers up to 2^24.
const DIGITS: usize = 3;
const BITS: i32 = 24;
const DIGIT: i64 = (1 << BITS) - 1;

impl Queue {
    pub(crate) fn new(memory: Memory, device: &Device) -> Self {
        let state = |size: usize| new_state([memory.size, size + DIGITS + 1], 0.0, device);
        Self {
            memory,
            saved: memory.embedding_dim.map(state),
            unsaved: Unsaved(new_state([1, 1], 0.0, device)),
            steps: Steps::new(device),
        }
    }

    fn state(&self) -> &RunningState<Tensor<2>> {
        self.saved.as_ref().unwrap_or(&self.unsaved.0)
    }

    /// The slots, for rows like these: `[size, E + 4]`.
    fn slots(&self, rows: &Tensor<2>) -> Tensor<2> {
        let (device, dtype, [_, size]) = (rows.device(), rows.dtype(), rows.dims());
        let slots = state_on(self.state(), &device).cast(dtype);
        let shape = [self.memory.size, size + DIGITS + 1];
        if slots.dims() == shape { slots } else { Tensor::zeros(shape, (&device, dtype)) }
    }
}

impl Queue {
    /// All rows, for a batch of this type and on this device; none before the memory is used.
    pub(crate) fn all(&self, batch: &Tensor<2>) -> Earlier {
        let ([_, size], device, number) = (batch.dims(), batch.device(), self.memory.size);
        let slots = self.slots(batch);
        let mut filled = slots.clone().narrow(1, size + DIGITS, 1).squeeze_dim::<1>(1).greater_scalar(0.5);
        if self.memory.after > 0 {
            let has_begun = self.steps.count(&device).greater_equal_scalar(self.memory.after as i64);
            filled = filled.bool_and(has_begun.expand([number]));
        }
        Earlier {
            rows: slots.clone().narrow(1, 0, size),
            labels: labels(slots.narrow(1, size, DIGITS)),
            filled,
            are_all_negatives: self.memory.negatives == MemoryNegatives::Memory,
        }
    }
}

impl EarlierRows for Queue {
    fn accepts(&self, size: usize) -> Result<(), String> {
        match self.memory.embedding_dim {
            Some(expected) if expected != size => {
                Err(format!("{expected} numbers per embedding, as `embedding_dim` of the memory says"))
            }
            _ => Ok(()),
        }
    }

    fn rows(&self, batch: &Tensor<2>, mask: Option<&Tensor<1, Bool>>) -> Earlier {
        let (all, [count, _], number) = (self.all(batch), batch.dims(), self.memory.size);
        if self.memory.from == MemoryFrom::Given {
            return all;
        }
        // The batch pushes as many rows out of the queue as it has.
        let device = batch.device();
        let count = match mask {
            None => Tensor::<1, Int>::full([number], count as i64, &device),
            Some(mask) => mask.clone().int().sum().expand([number]),
        };
        let places = Tensor::<1, Int>::arange(0..number as i64, &device);
        Earlier { filled: all.filled.bool_and(places.greater_equal(count)), ..all }
    }

    fn after_step(&self, rows: &Tensor<2>, labels: &Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) {
        if !rows.device().is_autodiff() || is_held() {
            return;
        }
        if self.memory.from == MemoryFrom::Batch {
            self.enqueue(rows.clone(), labels.clone(), mask);
        }
        if self.memory.after > 0 {
            self.steps.advance(&rows.device());
        }
    }

    fn enqueue(&self, rows: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) {
        let rows = widen(rows.detach());
        let [count, _] = rows.dims();
        if count == 0 {
            return;
        }
        let slots = self.slots(&rows);
        // A row that is not finite would spoil the steps of as many batches as the queue remembers: its slot stays empty.
        let finite = rows.clone().is_finite().all_dim(1);
        let shape = rows.dims();
        let rows = rows.mask_fill(finite.clone().bool_not().expand(shape), 0.0);
        let filled = match mask {
            None => finite,
            Some(mask) => finite.bool_and(mask.clone().unsqueeze_dim(1)),
        };
        let filled = mask_to_float(filled, &rows);
        let digits = digits(labels, &rows);
        let all = Tensor::cat(vec![slots, Tensor::cat(vec![rows, digits, filled], 1)], 0);
        let newest = match mask {
            None => all.narrow(0, count, self.memory.size),
            Some(_) => newest(all, self.memory.size),
        };
        set_state(self.state(), newest);
    }
}

/// The last slots that are filled, in their order.
fn newest(slots: Tensor<2>, size: usize) -> Tensor<2> {
    let shape @ [count, width] = slots.dims();
    let filled = slots.clone().narrow(1, width - 1, 1).squeeze_dim::<1>(1).greater_scalar(0.5);
    let ranks = filled.clone().int().cumsum(0);
    let last = ranks.clone().narrow(0, count - 1, 1).expand([count]);
    // The place of the newest is the last one; those that are not filled or too old are left out.
    let places = ranks - last + (size as i64 - 1);
    let dropped = places.clone().lower_elem(0).bool_or(filled.bool_not());
    let kept = slots.clone().mask_fill(dropped.clone().unsqueeze_dim::<2>(1).expand(shape), 0.0);
    let nothing = Tensor::zeros([size, width], (&slots.device(), slots.dtype()));
    nothing.select_assign(0, places.mask_fill(dropped, 0), kept, IndexingUpdateOp::Add)
}

/// The digits of labels, lowest first: `[N, 3]`.
fn digits(labels: Tensor<1, Int>, like: &Tensor<2>) -> Tensor<2> {
    let low = labels.clone().bitwise_and_scalar(DIGIT);
    let middle = labels.bitwise_right_shift_scalar(BITS as i64);
    let high = middle.clone().bitwise_right_shift_scalar(BITS as i64);
    let digits = [low, middle.bitwise_and_scalar(DIGIT), high];
    let column = |digit: Tensor<1, Int>| digit.float().cast(like.dtype()).unsqueeze_dim::<2>(1);
    Tensor::cat(digits.into_iter().map(column).collect(), 1)
}

/// The labels of their digits.
fn labels(digits: Tensor<2>) -> Tensor<1, Int> {
    let digit = |at: usize| digits.clone().narrow(1, at, 1).squeeze_dim::<1>(1).int();
    let shifted = |number: Tensor<1, Int>| number.bitwise_left_shift_scalar(BITS as i64);
    shifted(shifted(digit(2)).bitwise_or(digit(1))).bitwise_or(digit(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T79: labels beyond 2^24 are kept exactly, though the states of Burn are floats.
    #[test]
    fn t79_labels_keep_their_digits() {
        let device = Device::flex();
        let all = [0, 1, -1, (1 << 24) + 1, -(1 << 30), i64::from(i32::MAX), i64::from(i32::MIN) + 7];
        let tensor = Tensor::<1, Int>::from_data(burn::tensor::TensorData::from(all), &device);
        let back = labels(digits(tensor, &Tensor::zeros([1, 1], &device)));
        assert_eq!(back.into_data().iter::<i64>().collect::<Vec<_>>(), all);
    }

    /// The queue holds the newest rows in their order, without those that are masked.
    #[test]
    fn newest_rows() {
        let device = Device::flex().autodiff();
        let queue = Queue::new(Memory { from: MemoryFrom::Given, ..Memory::new(3) }, &device);
        let known = |queue: &Queue| {
            let Earlier { rows, filled, .. } = queue.rows(&Tensor::zeros([1, 1], &device), None);
            let filled = filled.into_data().iter::<bool>().collect::<Vec<_>>();
            let rows = rows.into_data().iter::<f32>().collect::<Vec<_>>();
            rows.into_iter().zip(filled).filter_map(|(row, filled)| filled.then_some(row)).collect::<Vec<_>>()
        };
        let add = |queue: &Queue, numbers: &[f32], mask: Option<&[bool]>| {
            let rows = Tensor::<1>::from_floats(numbers, &device).unsqueeze_dim(1);
            let mask = mask.map(|mask| Tensor::<1, Bool>::from_data(burn::tensor::TensorData::from(mask), &device));
            queue.enqueue(rows, Tensor::zeros([numbers.len()], &device), mask.as_ref());
        };
        assert!(known(&queue).is_empty());
        add(&queue, &[1.0, 2.0], None);
        assert_eq!(known(&queue), [1.0, 2.0]);
        add(&queue, &[3.0, 4.0], Some(&[false, true]));
        assert_eq!(known(&queue), [1.0, 2.0, 4.0]);
        add(&queue, &[5.0, 6.0, 7.0], Some(&[true, false, true]));
        assert_eq!(known(&queue), [4.0, 5.0, 7.0]);
        add(&queue, &[8.0, 9.0, 10.0, 11.0], None);
        assert_eq!(known(&queue), [9.0, 10.0, 11.0]);
        // A row of a model that has failed is not remembered.
        add(&queue, &[f32::NAN, f32::INFINITY, 12.0], None);
        assert_eq!(known(&queue), [12.0]);
        add(&queue, &[13.0, f32::NAN], Some(&[true, true]));
        assert_eq!(known(&queue), [12.0, 13.0]);
    }
}
