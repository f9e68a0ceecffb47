//! Round numbers for axes.

/// About `count` round numbers in a range, and the distance between them. An end of the range counts as round if it is within a
/// hundredth of the range of a round number: curves may stop just before an end.
pub(crate) fn ticks(low: f64, high: f64, count: usize) -> (Vec<f64>, f64) {
    let rough = (high - low) / count as f64;
    let power = 10f64.powf((rough.log10() + 1e-9).floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|m| m * power >= rough * 0.999).unwrap_or(10.0) * power;
    (multiples(low, high, step), step)
}

/// The same for angles in degrees.
pub(crate) fn degrees(low: f64, high: f64) -> (Vec<f64>, f64) {
    (multiples(low, high, 45.0), 45.0)
}

fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let near = 0.01 * (high - low) / step;
    let (first, last) = ((low / step - near).ceil() as i64, (high / step + near).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A number with as many digits as the distance between ticks needs, and a typographic minus sign.
pub(crate) fn label(value: f64, step: f64) -> String {
    let digits = (-(step * 1.001).log10().floor()).max(0.0) as usize;
    let text = if step >= 1e5 || digits > 6 { format!("{value:e}") } else { format!("{value:.digits$}") };
    text.replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(ticks(-0.95, 1.05, 4), (vec![-0.5, 0.0, 0.5, 1.0], 0.5));
        assert_eq!(ticks(0.0, 64.0, 5).0, [0.0, 20.0, 40.0, 60.0]);
        assert_eq!(ticks(-0.999, 0.999, 4).0, [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(degrees(0.5, 179.5).0, [0.0, 45.0, 90.0, 135.0, 180.0]);
        assert_eq!([label(-0.5, 0.5), label(20.0, 20.0), label(0.25, 0.05)], ["\u{2212}0.5", "20", "0.25"]);
    }
}
