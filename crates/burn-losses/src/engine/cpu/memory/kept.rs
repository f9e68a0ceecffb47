//! Memory of what was dropped (gradients, and what was computed on the way), kept for the next step.
//!
//! A gradient is as large as its batch, and the system clears every page of new memory: that takes as long as a light loss.

use crate::engine::cpu::lanes::Float;
use core::mem::take;
use core::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// In bytes: what is smaller comes fast from any allocator.
const LEAST: usize = 1 << 20;

/// In bytes, of each type of number: what is kept at most.
const MOST: usize = 1 << 29;

/// Memory that waits, the oldest first.
pub(crate) struct Kept<T>(Mutex<Vec<Box<[T]>>>);

impl<T> Kept<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Whether so many numbers are worth it.
    pub(super) fn is_large(count: usize) -> bool {
        count * size_of::<T>() >= LEAST
    }

    /// Memory of so many numbers, which are those of somebody else.
    pub(in crate::engine::cpu) fn take(&self, count: usize) -> Option<Vec<T>> {
        let mut all = self.lock();
        let place = all.iter().rposition(|numbers| numbers.len() == count)?;
        Some(all.remove(place).into_vec())
    }

    /// Takes memory back, and gives up what is the oldest where that is too much.
    fn put(&self, numbers: Box<[T]>) {
        if !Self::is_large(numbers.len()) || size_of_val(&numbers[..]) > MOST {
            return;
        }
        let mut all = self.lock();
        all.push(numbers);
        let bytes = |all: &[Box<[T]>]| all.iter().map(|numbers| size_of_val(&numbers[..])).sum::<usize>();
        while bytes(&all) > MOST {
            all.remove(0);
        }
    }

    /// Gives all of it back to the system.
    pub(super) fn release(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Box<[T]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Numbers whose memory is kept when they are dropped.
pub(crate) struct Lent<T: Float>(Vec<T>);

impl<T: Float> Lent<T> {
    pub(crate) fn into_vec(mut self) -> Vec<T> {
        take(&mut self.0)
    }
}

impl<T: Float> From<Vec<T>> for Lent<T> {
    fn from(numbers: Vec<T>) -> Self {
        Self(numbers)
    }
}

impl<T: Float> Deref for Lent<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Float> DerefMut for Lent<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Float> Drop for Lent<T> {
    fn drop(&mut self) {
        if self.0.len() == self.0.capacity() {
            T::kept().put(take(&mut self.0).into_boxed_slice());
        }
    }
}
