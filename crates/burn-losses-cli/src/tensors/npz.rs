//! Reads several arrays from one file, as `numpy.savez` and `numpy.savez_compressed` write it: a zip of arrays.

use super::npy;
use burn_losses::eval::Inputs;
use flate2::read::DeflateDecoder;
use std::io::Read;

/// Whether these bytes are a zip.
pub(super) fn is(bytes: &[u8]) -> bool {
    // Without arrays, a zip is its end record alone.
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(END)
}

/// Reads all arrays.
pub(super) fn read(bytes: &[u8]) -> Result<Inputs, String> {
    let entries = entries(bytes).ok_or("the zip is cut short")?;
    // Entries that share their bytes could unpack a small file many times.
    let packed = entries.iter().fold(0usize, |sum, entry| sum.saturating_add(entry.sizes[0]));
    if packed > bytes.len() {
        return Err("the arrays in the zip are larger than it".to_owned());
    }
    let arrays = entries.into_iter().map(|entry| {
        let problem = |problem: String| format!("array `{}`: {problem}", entry.name);
        let Some(name) = entry.name.strip_suffix(".npy") else {
            return Err(format!(
                "`{}` in it is no array: files of torch.save are not read, those of numpy.savez are",
                entry.name
            ));
        };
        let content = entry.content(bytes).ok_or_else(|| problem("it cannot be unpacked".to_owned()))?;
        Ok((name.to_owned(), npy::read(&content).map_err(problem)?))
    });
    arrays.collect()
}

/// A file in a zip, as the directory at the end describes it.
struct Entry {
    name: String,
    is_packed: bool,
    /// The size in the zip, and the size unpacked, in bytes.
    sizes: [usize; 2],
    /// The position of the entry's own header.
    header: usize,
}

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
/// The value of a 4-byte field whose number is in the extra field of zip64.
const LARGE: usize = u32::MAX as usize;

/// The number in the `size` bytes from `at` on, little-endian.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(size)?)?;
    bytes.iter().rev().try_fold(0usize, |number, byte| number.checked_mul(256)?.checked_add(usize::from(*byte)))
}

/// The directory of a zip; `None` where it is cut short.
fn entries(bytes: &[u8]) -> Option<Vec<Entry>> {
    // A comment may follow the end record.
    let end = (0..=bytes.len().checked_sub(22)?).rev().find(|at| bytes[*at..].starts_with(END))?;
    let (count, mut at) = (number(bytes, end + 10, 2)?, number(bytes, end + 16, 4)?);
    let mut entries = Vec::new();
    for _ in 0..count {
        if !bytes.get(at..)?.starts_with(ENTRY) {
            return None;
        }
        let [name, extra, comment] = [28, 30, 32].map(|field| number(bytes, at + field, 2));
        let (name, extra, comment) = (name?, extra?, comment?);
        let large = large(bytes.get(at + 46 + name..at + 46 + name + extra)?);
        let mut large = large.into_iter();
        let mut field = |place| match number(bytes, at + place, 4)? {
            LARGE => large.next(),
            number => Some(number),
        };
        // The order in the extra field of zip64: unpacked size, packed size, position.
        let (unpacked, packed, header) = (field(24)?, field(20)?, field(42)?);
        entries.push(Entry {
            name: String::from_utf8_lossy(bytes.get(at + 46..at + 46 + name)?).into_owned(),
            is_packed: match number(bytes, at + 10, 2)? {
                0 => false,
                8 => true,
                _ => return None,
            },
            sizes: [packed, unpacked],
            header,
        });
        at += 46 + name + extra + comment;
    }
    Some(entries)
}

/// The 8-byte numbers in the extra field of zip64.
fn large(mut extra: &[u8]) -> Vec<usize> {
    while let (Some(tag), Some(size)) = (number(extra, 0, 2), number(extra, 2, 2)) {
        let body = extra.get(4..4 + size).unwrap_or_default();
        if tag == 1 {
            return (0..size / 8).filter_map(|at| number(body, 8 * at, 8)).collect();
        }
        extra = extra.get(4 + size..).unwrap_or_default();
    }
    Vec::new()
}

impl Entry {
    fn content(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let [packed, unpacked] = self.sizes;
        let lengths = bytes.get(self.header.checked_add(26)?..)?;
        let start = self.header + 30 + number(lengths, 0, 2)? + number(lengths, 2, 2)?;
        let content = bytes.get(start..start.checked_add(packed)?)?;
        if !self.is_packed {
            return Some(content.to_vec());
        }
        let mut out = Vec::new();
        DeflateDecoder::new(content).take(unpacked as u64).read_to_end(&mut out).ok()?;
        (out.len() == unpacked).then_some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zip of an array, whose directory has these sizes and this position, `count` times.
    fn zip(count: u16, [unpacked, packed, header]: [u64; 3]) -> Vec<u8> {
        let array = b"\x93NUMPY\x01\x00\x3b\x00{'descr': '<f8', 'fortran_order': False, 'shape': (99,), }\n";
        let local = [b"PK\x03\x04", &[0; 22][..], &[5, 0, 0, 0], b"a.npy", array, &[0; 8 * 99]].concat();
        let sizes = [unpacked, packed, header].map(u64::to_le_bytes).concat();
        let lengths = [5, 0, 28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let entry = [b"PK\x01\x02", &[0; 16][..], &[0xff; 8], &lengths, &[0xff; 4], b"a.npy", &[1, 0, 24, 0], &sizes];
        let count = count.to_le_bytes();
        let end = [b"PK\x05\x06", &[0; 4][..], &count, &count, &[0; 4], &(local.len() as u32).to_le_bytes(), &[0; 2]];
        [local, entry.concat().repeat(count[0].into()), end.concat()].concat()
    }

    #[test]
    fn positions_and_sizes_that_no_file_has_are_errors() {
        let length = 10 + 59 + 8 * 99;
        let array = read(&zip(1, [length, length, 0])).unwrap();
        assert_eq!(array["a"].shape().to_vec(), [99]);
        let unpacked = "array `a.npy`: it cannot be unpacked";
        for header in [u64::MAX, u64::MAX - 26, u64::MAX - 30, 1 << 40] {
            assert_eq!(read(&zip(1, [length, length, header])).unwrap_err(), unpacked);
        }
        assert_eq!(read(&zip(1, [u64::MAX; 3])).unwrap_err(), "the arrays in the zip are larger than it");
        assert_eq!(read(&zip(9, [length, length, 0])).unwrap_err(), "the arrays in the zip are larger than it");
    }
}
