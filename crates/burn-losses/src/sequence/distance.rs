//! How far two lists of labels are apart.

use crate::error;

/// How many insertions, deletions and substitutions make one list of labels the other (Levenshtein's distance).
///
/// `LabelErrorRateMetric` of the feature `train` is made of it.
///
/// ```
/// use burn_losses::sequence::edit_distance;
///
/// assert_eq!(edit_distance(b"kitten", b"sitting"), 3);
/// ```
pub fn edit_distance<T: PartialEq>(predicted: &[T], labels: &[T]) -> usize {
    error::edit_distance(predicted, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_by_hand() {
        assert_eq!(edit_distance(&[1, 2, 3], &[1, 2, 3]), 0);
        assert_eq!(edit_distance(&[1, 3], &[1, 2, 3]), 1);
        assert_eq!(edit_distance(&[1, 4, 3, 5], &[1, 2, 3]), 2);
        assert_eq!(edit_distance(&[], &[1, 2, 3]), 3);
        assert_eq!(edit_distance(&[1, 2, 3], &[]), 3);
        assert_eq!(edit_distance(&[2, 3, 1], &[1, 2, 3]), 2);
    }
}
