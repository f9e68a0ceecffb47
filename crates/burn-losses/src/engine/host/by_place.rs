//! Items sorted by their places.

/// Items in the order of their places; items at the same place keep their order. So a sum over a place has the same bits,
/// whichever thread computes it.
pub(crate) struct ByPlace {
    /// The end of the items of each place.
    ends: Vec<usize>,
    items: Vec<usize>,
}

impl ByPlace {
    pub(crate) fn from_places(places: impl Iterator<Item = usize> + Clone, count: usize) -> Self {
        let mut ends = vec![0; count + 1];
        places.clone().for_each(|place| ends[place + 1] += 1);
        for place in 0..count {
            ends[place + 1] += ends[place];
        }
        // `ends[place]` is the start of the place at first. It moves on with every item, and is the end of the place at last.
        let mut items = vec![0; ends[count]];
        for (item, place) in places.enumerate() {
            items[ends[place]] = item;
            ends[place] += 1;
        }
        Self { ends, items }
    }

    pub(crate) fn at(&self, place: usize) -> &[usize] {
        let range = place.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[place];
        &self.items[range]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_in_the_order_of_their_places() {
        let by_place = ByPlace::from_places([3, 0, 3, 1, 0].into_iter(), 5);
        let all: Vec<&[usize]> = (0..5).map(|place| by_place.at(place)).collect();
        assert_eq!(all, [&[1, 4][..], &[3], &[], &[0, 2], &[]]);
    }
}
