//! Reads an array in NumPy's format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

use burn::tensor::TensorData;
use half::f16;

const MAGIC: &[u8] = b"\x93NUMPY";

/// Whether these bytes are an array.
pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Reads an array of numbers.
pub(super) fn read(bytes: &[u8]) -> Result<TensorData, String> {
    let cut = || "the array is cut short".to_owned();
    let version = *bytes.get(MAGIC.len()).ok_or_else(cut)?;
    // The length of the header has 2 bytes in version 1, and 4 in later ones.
    let (start, length) = match (version, bytes.get(8..)) {
        (1, Some([a, b, ..])) => (10, usize::from(u16::from_le_bytes([*a, *b]))),
        (2.., Some([a, b, c, d, ..])) => (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize),
        _ => return Err(cut()),
    };
    let header = bytes.get(start..start + length).ok_or_else(cut)?;
    let header = Header::parse(&String::from_utf8_lossy(header))?;
    header.array(&bytes[start + length..])
}

/// The contents of the header.
struct Header {
    /// The byte order, the kind and the size of a number, as `<f4`.
    kind: String,
    is_fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("the header of the array is not understood: {}", text.trim());
        let after =
            |key: &str| text.split_once(key).map(|(_, rest)| rest.trim_start_matches([':', ' '])).ok_or_else(wrong);
        let kind = after("'descr'")?.split('\'').nth(1).ok_or_else(wrong)?.to_owned();
        let is_fortran = after("'fortran_order'")?.starts_with("True");
        let shape = after("'shape'")?.strip_prefix('(').and_then(|rest| rest.split_once(')')).ok_or_else(wrong)?.0;
        let axes = shape.split(',').map(str::trim).filter(|axis| !axis.is_empty());
        let shape = axes.map(|axis| axis.parse().map_err(|_| wrong())).collect::<Result<Vec<usize>, _>>()?;
        Ok(Self { kind, is_fortran, shape })
    }

    /// How many numbers there are. The sides beside one of 0 have to fit into memory too, since others multiply them.
    fn count(&self) -> Option<usize> {
        let mut sides = self.shape.iter().filter(|side| **side > 0);
        let most = sides.try_fold(1usize, |count, side| count.checked_mul(*side))?;
        Some(if self.shape.contains(&0) { 0 } else { most })
    }

    fn array(&self, bytes: &[u8]) -> Result<TensorData, String> {
        let count = self.count().ok_or_else(|| format!("has shape {:?}, which no memory can hold", self.shape))?;
        macro_rules! numbers {
            ($number:ty) => {{
                let (numbers, _) = bytes.as_chunks();
                let read = if self.kind.starts_with('>') { <$number>::from_be_bytes } else { <$number>::from_le_bytes };
                self.in_order(count, numbers.iter().map(|bytes| read(*bytes)).collect::<Vec<_>>())
            }};
        }
        let numbers = match self.kind.trim_start_matches(['<', '>', '|', '=']) {
            "f8" => numbers!(f64),
            "f4" => numbers!(f32),
            "f2" => numbers!(f16),
            "i8" => numbers!(i64),
            "i4" => numbers!(i32),
            "i2" => numbers!(i16),
            "i1" => numbers!(i8),
            "u8" => numbers!(u64),
            "u4" => numbers!(u32),
            "u2" => numbers!(u16),
            "u1" => numbers!(u8),
            "b1" => self.in_order(count, bytes.iter().map(|byte| *byte != 0).collect()),
            _ => return Err(format!("has type {}, allowed: f8, f4, f2, i8 to i1, u8 to u1, b1", self.kind)),
        };
        numbers.ok_or_else(|| "the array is cut short".to_owned())
    }

    /// The numbers in row-major order; in an array of Fortran order the last index is the slowest.
    fn in_order<T: burn::tensor::Element>(&self, count: usize, numbers: Vec<T>) -> Option<TensorData> {
        let numbers = numbers.get(..count)?;
        if !self.is_fortran {
            return Some(TensorData::new(numbers.to_vec(), self.shape.clone()));
        }
        let place = |mut flat: usize| {
            let (mut place, mut stride) = (0, count);
            // The index on each axis, from the last one on, which is the fastest in row-major order.
            for size in self.shape.iter().rev() {
                stride /= size;
                place += flat % size * stride;
                flat /= size;
            }
            place
        };
        Some(TensorData::new((0..count).map(|flat| numbers[place(flat)]).collect::<Vec<_>>(), self.shape.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(header: &str, bytes: &[u8]) -> Result<TensorData, String> {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        read(&[MAGIC, &[1, 0], &length, header.as_bytes(), bytes].concat())
    }

    #[test]
    fn arrays_of_c_and_of_fortran() {
        let bytes: Vec<u8> = [1f32, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let c = array("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", &bytes).unwrap();
        assert_eq!(c, TensorData::new(vec![1f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]));
        let fortran = array("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", &bytes).unwrap();
        assert_eq!(fortran, TensorData::new(vec![1f32, 3.0, 5.0, 2.0, 4.0, 6.0], [2, 3]));
    }

    #[test]
    fn big_endian_booleans_and_scalars() {
        let integers = array("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }", &[0, 1, 1, 0]).unwrap();
        assert_eq!(integers, TensorData::new(vec![1i16, 256], [2]));
        let truths = array("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", &[0, 1]).unwrap();
        assert_eq!(truths, TensorData::new(vec![false, true], [2]));
        let scalar = array("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", &2.5f64.to_le_bytes()).unwrap();
        assert_eq!(scalar, TensorData::new(vec![2.5f64], Vec::<usize>::new()));
    }

    #[test]
    fn what_is_no_array_of_numbers_is_an_error() {
        let objects = array("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", &[0; 16]).unwrap_err();
        assert!(objects.starts_with("has type |O, allowed: "), "{objects}");
        let cut = array("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", &[0; 8]).unwrap_err();
        assert_eq!(cut, "the array is cut short");
        for shape in ["9223372036854775807, 3", "0, 4611686018427387904, 4"] {
            let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape}), }}");
            let large = array(&header, &[]).unwrap_err();
            assert_eq!(large, format!("has shape [{shape}], which no memory can hold"));
        }
    }
}
