//! Colors.

/// A color as red, green and blue.
pub type Color = [u8; 3];

/// Colors for lines that most people can tell apart (Okabe and Ito), and three more.
pub const LINES: [Color; 10] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [86, 180, 233],
    [230, 159, 0],
    [60, 60, 60],
    [150, 75, 0],
    [120, 94, 240],
    [230, 215, 40],
];

/// The colors of a light page, and their replacements on a dark one. Two blues that differ on white look alike on black.
pub const DARK: [(Color, Color); 10] = [
    ([255; 3], [13, 17, 23]),
    ([30; 3], [230, 237, 243]),
    ([85; 3], [169, 180, 192]),
    ([230; 3], [39, 46, 56]),
    ([150; 3], [110, 118, 129]),
    (LINES[0], [74, 163, 223]),
    (LINES[4], [240, 228, 66]),
    (LINES[6], [200; 3]),
    (LINES[7], [210, 130, 60]),
    (LINES[9], [255, 150, 130]),
];

/// The color of viridis at a place from 0 to 1. It also grows lighter, for readers who cannot tell colors apart.
pub fn viridis(place: f64) -> Color {
    const COLORS: [[f64; 3]; 5] =
        [[68.0, 1.0, 84.0], [59.0, 82.0, 139.0], [33.0, 145.0, 140.0], [94.0, 201.0, 98.0], [253.0, 231.0, 37.0]];
    let place = place.clamp(0.0, 1.0) * 4.0;
    let low = (place as usize).min(3);
    let part = place - low as f64;
    [0, 1, 2].map(|i| (COLORS[low][i] * (1.0 - part) + COLORS[low + 1][i] * part).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!([viridis(-1.0), viridis(0.5), viridis(1.0)], [[68, 1, 84], [33, 145, 140], [253, 231, 37]]);
    }
}
