//! Random numbers that are the same on every machine.

/// A generator of random numbers: SplitMix64.
pub(super) struct Random(u64);

impl Random {
    /// The generator of one input: no other input has the same numbers, and no earlier one is needed to make this one.
    pub(super) fn new(seed: u64, index: u64) -> Self {
        let mut random = Self(seed);
        random.0 = random.next() ^ index;
        Self(random.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// An integer less than `count`, and 0 if that is 0.
    pub(super) fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }

    /// True in one of `count` cases.
    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of these.
    ///
    /// # Panics
    /// If there are none.
    pub(super) fn choose<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A number in [-1, 1).
    pub(super) fn number(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// Two places up to `length`, in order.
    pub(super) fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let [one, other] = [(); 2].map(|()| self.below(length + 1));
        one.min(other)..one.max(other)
    }
}
