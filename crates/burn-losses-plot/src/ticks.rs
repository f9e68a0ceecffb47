//! Round numbers for axes.

/// About `count` round numbers in a range, and the distance between them.
pub(crate) fn ticks(low: f64, high: f64, count: usize) -> (Vec<f64>, f64) {
    let rough = (high - low) / count as f64;
    let power = 10f64.powf((rough.log10() + 1e-9).floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|m| m * power >= rough * 0.999).unwrap_or(10.0) * power;
    let (first, last) = ((low / step - 1e-6).ceil() as i64, (high / step + 1e-6).floor() as i64);
    ((first..=last).map(|i| i as f64 * step).collect(), step)
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
        assert_eq!([label(-0.5, 0.5), label(20.0, 20.0), label(0.25, 0.05)], ["\u{2212}0.5", "20", "0.25"]);
    }
}
