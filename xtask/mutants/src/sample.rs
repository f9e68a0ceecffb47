//! Draws a sample of the mutants.

use std::collections::BTreeMap;

use crate::mutant::Mutant;

/// Numbers that look random, the same for the same seed everywhere (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64, word: &str) -> Self {
        // FNV-1a, so that a change of one file leaves the draws of the others as they are.
        let hash = word
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of [0, 1).
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
    }
}

/// All mutants in the order in which they are drawn. Files have their share in each part of it.
pub(crate) fn drawn(mutants: Vec<Mutant>, seed: u64) -> Vec<Mutant> {
    let mut files = BTreeMap::<String, Vec<Mutant>>::new();
    for mutant in mutants {
        files.entry(mutant.file.clone()).or_default().push(mutant);
    }
    let mut places = Vec::new();
    for (file, mut mutants) in files {
        let mut random = Random::new(seed, &file);
        random.shuffle(&mut mutants);
        let (count, start) = (mutants.len() as f64, random.fraction());
        places.extend(mutants.into_iter().enumerate().map(|(i, mutant)| ((i as f64 + start) / count, mutant)));
    }
    places.sort_by(|(a, one), (b, other)| a.total_cmp(b).then_with(|| one.name.cmp(&other.name)));
    places.into_iter().map(|(_, mutant)| mutant).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutant::Change;

    fn mutants() -> Vec<Mutant> {
        let file = |file: &'static str, count: usize| {
            (0..count).map(move |line| {
                let change = Change { before: line.to_string(), after: "0".into(), replacement: "0".into() };
                Mutant::new(file, "f", line, 0..1, change)
            })
        };
        file("a.rs", 300).chain(file("b.rs", 100)).chain(file("c.rs", 4)).collect()
    }

    #[test]
    fn each_file_has_its_share() {
        for seed in 0..20 {
            let drawn = drawn(mutants(), seed);
            assert_eq!(drawn.len(), 404);
            let count = |file: &str| drawn[..101].iter().filter(|mutant| mutant.file == file).count();
            assert!((74..=76).contains(&count("a.rs")) && count("b.rs").abs_diff(25) <= 1, "{seed}");
            assert!(count("c.rs").abs_diff(1) <= 1, "{seed}");
        }
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(drawn(mutants(), 7), drawn(mutants(), 7));
        assert_ne!(drawn(mutants(), 7)[..50], drawn(mutants(), 8)[..50]);
    }

    #[test]
    fn another_file_changes_nothing_in_a_file() {
        let of_a = |mutants: Vec<Mutant>| {
            drawn(mutants, 3)
                .into_iter()
                .filter(|mutant| mutant.file == "a.rs")
                .map(|mutant| mutant.line)
                .collect::<Vec<_>>()
        };
        assert_eq!(of_a(mutants()), of_a(mutants().into_iter().take(350).collect()));
    }
}
