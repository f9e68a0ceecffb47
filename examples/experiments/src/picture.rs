//! Pictures as PNG: the tiles of the segmentation, side by side.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::Error;
use crate::data::TILE;

/// Red, green, blue.
pub(crate) type Colour = [u8; 3];

/// The side of a pixel of a tile.
const SCALE: usize = 2;
/// Between tiles.
const GAP: usize = 4;
/// The side of a tile, with the gap behind it.
pub(crate) const CELL: usize = SCALE * TILE + GAP;
/// Colours that most people can tell apart (Okabe and Ito): orange, blue.
const TOO_MUCH: Colour = [213, 94, 0];
const TOO_LITTLE: Colour = [0, 114, 178];

/// Grey, from the smallest value to the largest.
pub(crate) fn grey(values: &[f32]) -> Vec<Colour> {
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let unit = |v: f32| if high > low { (v - low) / (high - low) } else { 0.0 };
    values.iter().map(|&v| [(255.0 * unit(v)).round() as u8; 3]).collect()
}

/// The sigmoid of logits in grey: black is 0, white is 1.
pub(crate) fn probabilities(logits: &[f32]) -> Vec<Colour> {
    logits.iter().map(|l| [(255.0 / (1.0 + (-l).exp())).round() as u8; 3]).collect()
}

/// White where a mask was found, orange where there is too much, blue where there is too little.
pub(crate) fn comparison(logits: &[f32], mask: &[f32]) -> Vec<Colour> {
    let colour = |(logit, mask): (&f32, &f32)| match (*logit > 0.0, *mask > 0.5) {
        (true, true) => [255; 3],
        (true, false) => TOO_MUCH,
        (false, true) => TOO_LITTLE,
        (false, false) => [0; 3],
    };
    logits.iter().zip(mask).map(colour).collect()
}

/// Writes columns of tiles side by side; all of the same length.
pub(crate) fn save(path: &Path, columns: &[Vec<Colour>]) -> Result<(), Error> {
    let tiles = columns.first().map_or(0, Vec::len) / (TILE * TILE);
    let (width, height) = (columns.len() * CELL, tiles * CELL);
    let colour = |x: usize, y: usize| {
        let (column, row) = (x % CELL / SCALE, y % CELL / SCALE);
        let pixel = (y / CELL * TILE + row) * TILE + column;
        if column < TILE && row < TILE { columns[x / CELL][pixel] } else { [255; 3] }
    };
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| colour(x, y)).collect();
    let file = |error| Error::file(path, error);
    std::fs::write(path, png(width, pixels).map_err(file)?).map_err(file)
}

/// A PNG file: a header, the pixels deflated, an end.
fn png(width: usize, pixels: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let rows = pixels.chunks(3 * width);
    let mut header: Vec<u8> = [width, rows.len()].iter().flat_map(|&n| (n as u32).to_be_bytes()).collect();
    header.extend([8, 2, 0, 0, 0]); // 8 bits, red green blue, and the only methods there are
    let mut body = ZlibEncoder::new(Vec::new(), Compression::best());
    for row in rows {
        body.write_all(&[0])?; // the row as it is
        body.write_all(row)?;
    }
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", header), (b"IDAT", body.finish()?), (b"IEND", Vec::new())] {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(&data);
        file.extend((data.len() as u32).to_be_bytes());
        file.extend(name);
        file.extend(&data);
        file.extend(crc.sum().to_be_bytes());
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_by_hand() {
        assert_eq!(grey(&[1.0, 3.0, 2.0]), [[0; 3], [255; 3], [128; 3]]);
        assert_eq!(probabilities(&[0.0, 100.0, -100.0]), [[128; 3], [255; 3], [0; 3]]);
        let logits = [1.0, 1.0, -1.0, -1.0];
        assert_eq!(comparison(&logits, &[1.0, 0.0, 1.0, 0.0]), [[255; 3], TOO_MUCH, TOO_LITTLE, [0; 3]]);
    }

    #[test]
    fn a_file_that_begins_and_ends_as_it_should() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiles.png");
        let tile = vec![[1, 2, 3]; TILE * TILE];
        save(&path, &[tile.clone(), tile]).unwrap();
        let file = std::fs::read(path).unwrap();
        assert!(file.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x01\x08\0\0\0\x84\x08\x02"));
        // The checksum of an empty IEND is the same in every file.
        assert!(file.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"));
    }
}
