//! The entries of an argument that a mask leaves valid.

use super::Inputs;

/// Which entries of an argument are valid. The tensor `mask` says so, if it is given: it has an entry for each entry of the
/// argument, for each position (if the argument also has a class axis), or for each sample.
pub struct Valid {
    mask: Vec<bool>,
    /// Entries of the argument in each sample.
    width: usize,
    /// Entries of the mask in each sample.
    positions: usize,
}

impl Valid {
    /// The valid entries of an argument with this shape.
    pub fn new(inputs: &Inputs, shape: &[usize]) -> Self {
        let mask: Vec<bool> = match inputs.get("mask") {
            Some(data) if data.dtype().is_bool() => data.iter().collect(),
            _ => Vec::new(),
        };
        let samples = shape.first().copied().unwrap_or(0).max(1);
        let positions = (mask.len() / samples).max(1);
        Self { mask, width: shape.iter().skip(1).product::<usize>().max(1), positions }
    }

    /// Whether the entry at this flat index is valid.
    pub fn contains(&self, entry: usize) -> bool {
        let place = entry / self.width * self.positions + entry % self.width % self.positions;
        self.mask.get(place) != Some(&false)
    }

    /// Whether all entries are valid.
    pub(crate) fn is_all(&self) -> bool {
        self.mask.iter().all(|is_valid| *is_valid)
    }

    /// The entry at the first valid position that belongs to this entry's class; `None` if nothing is valid.
    pub(crate) fn stand_in(&self, entry: usize) -> Option<usize> {
        let first = self.mask.iter().position(|is_valid| *is_valid)?;
        let class = entry % self.width / self.positions * self.positions;
        Some(first / self.positions * self.width + class + first % self.positions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;

    #[test]
    fn a_mask_is_of_entries_positions_or_samples() {
        let valid = |mask: &[bool], shape: &[usize], count: usize| {
            let inputs = Inputs::from([("mask".to_owned(), TensorData::new(mask.to_vec(), [mask.len()]))]);
            let valid = Valid::new(&inputs, shape);
            (0..count).map(|entry| valid.contains(entry)).collect::<Vec<_>>()
        };
        assert_eq!(valid(&[true, false, false, true], &[2, 2], 4), [true, false, false, true]);
        assert_eq!(valid(&[true, false], &[2, 2], 4), [true, true, false, false]);
        // [1, 2, 2]: two classes at each of two positions.
        assert_eq!(valid(&[true, false], &[1, 2, 2], 4), [true, false, true, false]);
        assert_eq!(Valid::new(&Inputs::new(), &[2]).stand_in(0), None);
        let mask = TensorData::new(vec![false, true], [1, 2]);
        let valid = Valid::new(&Inputs::from([("mask".to_owned(), mask)]), &[1, 2, 2]);
        assert_eq!((valid.stand_in(0), valid.stand_in(2)), (Some(1), Some(3)));
    }
}
