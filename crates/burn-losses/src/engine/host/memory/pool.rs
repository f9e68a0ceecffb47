//! Buffers that wait for the next step: those of dropped gradients and of intermediate results.
//!
//! A gradient is as large as its batch, and the system clears every page of new memory: that takes as long as a light loss. So a
//! large buffer that is dropped waits here. It goes back to the system when it has waited for [`PATIENCE`], or at once if the
//! pool would then hold more than was recently in use at the same time.

use crate::engine::host::simd::Float;
use core::mem::take;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The size in bytes from which on a buffer is pooled: any allocator gives smaller ones fast.
const LEAST: usize = 1 << 20;

/// How long a buffer waits. In a step that takes longer, the cost of new memory is negligible.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most bytes that wait, for each type of number.
static MOST: AtomicUsize = AtomicUsize::new(1 << 29);

/// Sets how many bytes of buffers may wait for the next step, for each type of number; 0 turns the pool off. The default is 512
/// MiB.
pub(crate) fn set_limit(bytes: usize) {
    MOST.store(bytes, Ordering::Relaxed);
    f32::pool().trim(|_| true);
    f64::pool().trim(|_| true);
}

/// The number of bytes that wait.
pub(crate) fn waiting_bytes() -> usize {
    f32::pool().lock().waiting_bytes() + f64::pool().lock().waiting_bytes()
}

/// Gives all waiting buffers back to the system.
pub(crate) fn release() {
    f32::pool().lock().waiting.clear();
    f64::pool().lock().waiting.clear();
}

/// The buffers of one type of number.
pub(crate) struct BufferPool<T>(Mutex<State<T>>);

struct State<T> {
    /// The unused buffers, each with the time at which it began to wait; the oldest first.
    waiting: Vec<(Instant, Box<[T]>)>,
    /// The bytes of large buffers that are in use.
    lent: usize,
    /// The most bytes that were in use at the same time, in the current interval and in the one before.
    peaks: [usize; 2],
}

impl<T> State<T> {
    fn waiting_bytes(&self) -> usize {
        self.waiting.iter().map(|(_, numbers)| size_of_val(&numbers[..])).sum()
    }

    /// Gives the oldest buffers back, until the waiting ones and those in use are together no larger than what was in use before.
    fn trim(&mut self) {
        let most = MOST.load(Ordering::Relaxed).min(self.peaks[0].max(self.peaks[1]).saturating_sub(self.lent));
        while self.waiting_bytes() > most {
            self.waiting.remove(0);
        }
    }
}

impl<T: Float> BufferPool<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(State { waiting: Vec::new(), lent: 0, peaks: [0; 2] }))
    }

    /// Whether a buffer of this many numbers is large enough for the pool.
    pub(crate) fn is_large(count: usize) -> bool {
        count * size_of::<T>() >= LEAST
    }

    /// A waiting buffer of this many numbers, which still holds its old numbers.
    pub(in crate::engine::host) fn take(&self, count: usize) -> Option<Vec<T>> {
        if !Self::is_large(count) {
            return None;
        }
        let mut state = self.lock();
        let place = state.waiting.iter().rposition(|(_, numbers)| numbers.len() == count)?;
        Some(state.waiting.remove(place).1.into_vec())
    }

    /// Counts a buffer as in use.
    fn lend(&self, numbers: &[T]) {
        if Self::is_large(numbers.len()) {
            let mut state = self.lock();
            state.lent += size_of_val(numbers);
            state.peaks[0] = state.peaks[0].max(state.lent);
        }
    }

    /// Takes back a buffer that was dropped.
    fn put(&self, numbers: Vec<T>) {
        if !Self::is_large(numbers.len()) {
            return;
        }
        let mut state = self.lock();
        state.lent = state.lent.saturating_sub(size_of_val(&numbers[..]));
        state.waiting.push((Instant::now(), numbers.into_boxed_slice()));
        state.trim();
        let is_empty = state.waiting.is_empty();
        drop(state);
        if !is_empty {
            watch();
        }
    }

    /// Counts a buffer as no longer in use; it will not come back.
    fn forget(&self, numbers: &[T]) {
        if Self::is_large(numbers.len()) {
            let mut state = self.lock();
            state.lent = state.lent.saturating_sub(size_of_val(numbers));
        }
    }

    /// Gives back the buffers that have waited too long, and returns whether any are left.
    fn trim(&self, is_kept: impl Fn(Instant) -> bool) -> bool {
        let mut state = self.lock();
        state.waiting.retain(|(since, _)| is_kept(*since));
        state.trim();
        state.peaks = [state.lent, state.peaks[0]];
        !state.waiting.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives waiting buffers back in time, on a thread that ends when no buffer waits.
fn watch() {
    static IS_WATCHED: AtomicBool = AtomicBool::new(false);
    if IS_WATCHED.swap(true, Ordering::AcqRel) {
        return;
    }
    let run = || loop {
        thread::sleep(PATIENCE / 2);
        let is_kept = |since: Instant| since.elapsed() < PATIENCE;
        // `|` instead of `||`, so that both pools are trimmed.
        if f32::pool().trim(is_kept) | f64::pool().trim(is_kept) {
            continue;
        }
        IS_WATCHED.store(false, Ordering::Release);
        // A buffer that was added in the meantime has started no new thread.
        if waiting_bytes() == 0 || IS_WATCHED.swap(true, Ordering::AcqRel) {
            return;
        }
    };
    if thread::Builder::new().name("burn-losses-pool".into()).spawn(run).is_err() {
        // Without a thread nothing would give the buffers back later.
        IS_WATCHED.store(false, Ordering::Release);
        release();
    }
}

/// Numbers whose memory goes back to the pool when they are dropped.
pub(crate) struct Pooled<T: Float>(Vec<T>);

impl<T: Float> Pooled<T> {
    pub(crate) fn into_vec(mut self) -> Vec<T> {
        T::pool().forget(&self.0);
        take(&mut self.0)
    }
}

impl<T: Float> From<Vec<T>> for Pooled<T> {
    fn from(numbers: Vec<T>) -> Self {
        T::pool().lend(&numbers);
        Self(numbers)
    }
}

impl<T: Float> Deref for Pooled<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Float> DerefMut for Pooled<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Float> Drop for Pooled<T> {
    fn drop(&mut self) {
        match self.0.len() == self.0.capacity() {
            true => T::pool().put(take(&mut self.0)),
            false => T::pool().forget(&self.0),
        }
    }
}
