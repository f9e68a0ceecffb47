//! The figures that a full run has to reach, and how they are checked.

use serde::{Deserialize, Serialize};

use crate::data::PictureSet;

/// A figure that a full run has to reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The figure's name, as in the result table.
    pub figure: String,
    /// The expected value; the figure may differ by `relative` times its magnitude, plus `absolute`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The relative tolerance around `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<f64>,
    /// The absolute tolerance around `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<f64>,
    /// The smallest value allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// The largest value allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// Another config of the experiment, whose figure of the same name has to be smaller; checked if both run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<String>,
    /// Another config of the experiment, whose figure of the same name replaces `value`; checked if both run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// The least distance by which the figure exceeds that of `above`; a negative margin says how far below it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// The set of images for which the expectation holds; all sets by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<PictureSet>,
}

impl Expectation {
    /// The config to compare with.
    pub fn other(&self) -> Option<&String> {
        self.above.as_ref().or(self.like.as_ref())
    }

    /// What is wrong if `got` does not meet the expectation. `other` is the figure of the run that `above` or `like` names.
    pub fn check(&self, got: f64, other: Option<f64>) -> Option<String> {
        if let Some(value) = self.value.or(other.filter(|_| self.like.is_some())) {
            let slack = self.relative.unwrap_or(0.0) * value.abs() + self.absolute.unwrap_or(0.0);
            if (got - value).abs().partial_cmp(&slack).is_none_or(|o| o.is_gt()) {
                return Some(format!("{} is {got}, not {value} +- {slack:e}", self.figure));
            }
        }
        if self.at_least.is_some_and(|least| got.is_nan() || got < least) {
            return Some(format!("{} is {got}, below {:?}", self.figure, self.at_least));
        }
        if self.at_most.is_some_and(|most| got.is_nan() || got > most) {
            return Some(format!("{} is {got}, above {:?}", self.figure, self.at_most));
        }
        let (other, margin) = (other.filter(|_| self.above.is_some())?, self.margin.unwrap_or(0.0));
        let above = got - other >= margin && (got > other || margin < 0.0);
        let name = self.above.as_deref().unwrap_or_default();
        (!above).then(|| format!("{} is {got}, not {margin} above the {other} of {name}", self.figure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expectation(text: &str) -> Expectation {
        let text = format!("{{ \"figure\": \"slope\", {text} }}");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn around_a_value_and_within_a_range() {
        let near = expectation("\"value\": 2.0, \"relative\": 0.01");
        assert_eq!(near.check(2.019, None), None);
        assert!(near.check(2.021, None).is_some());
        assert!(near.check(f64::NAN, None).is_some());
        let range = expectation("\"at_least\": 0.5, \"at_most\": 1.0");
        assert_eq!(range.check(0.5, None), None);
        assert!(range.check(0.49, None).unwrap().contains("slope is 0.49"));
        assert!(range.check(1.01, None).is_some());
        assert!(range.check(f64::NAN, None).is_some());
    }

    #[test]
    fn like_another_run() {
        let like = expectation("\"like\": \"softmax\", \"relative\": 0.1");
        assert_eq!(like.check(109.0, Some(100.0)), None);
        assert!(like.check(111.0, Some(100.0)).unwrap().contains("is 111, not 100"));
        assert!(like.check(89.0, Some(100.0)).is_some());
        assert!(like.check(f64::NAN, Some(100.0)).is_some());
    }

    #[test]
    fn above_another_run() {
        let above = expectation("\"above\": \"bce\", \"margin\": 0.25");
        assert_eq!(above.check(0.75, Some(0.5)), None);
        assert!(above.check(0.7, Some(0.5)).unwrap().contains("of bce"));
        assert!(above.check(f64::NAN, Some(0.5)).is_some());
        assert_eq!(above.check(0.1, None), None, "bce did not run");
        assert!(expectation("\"above\": \"bce\"").check(0.5, Some(0.5)).is_some(), "equal is not above");
        let near = expectation("\"above\": \"bce\", \"margin\": -0.01");
        assert_eq!(near.check(0.495, Some(0.5)), None);
        assert!(near.check(0.485, Some(0.5)).is_some());
    }
}
