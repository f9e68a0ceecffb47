//! Progress as plain text, a line per epoch: for logs and pipes, where Burn's dashboard cannot draw.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use burn::train::logger::{EvaluationProgressLogger, TrainingProgressLogger};
use burn::train::metric::{MetricDefinition, MetricId, NumericEntry};
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation, MetricsRendererTraining,
};

/// How many of all are done, and an estimate of how long the others take.
pub fn left(done: usize, all: usize, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64() / done.max(1) as f64 * all.saturating_sub(done) as f64;
    let left = match (all > done, seconds < 90.0) {
        (false, _) => format!("{:.0} seconds in all", elapsed.as_secs_f64()),
        (_, true) => format!("about {seconds:.0} seconds left"),
        (_, false) => format!("about {:.0} minutes left", seconds / 60.0),
    };
    format!("{done} of {all}, {left}")
}

/// Prints a line at the end of each epoch.
#[derive(Default)]
pub struct PlainProgress {
    label: String,
    epochs: usize,
    names: HashMap<MetricId, String>,
    train: BTreeMap<String, f64>,
    held_out: BTreeMap<String, f64>,
}

impl PlainProgress {
    fn note(&mut self, state: MetricState, held_out: bool) {
        if let MetricState::Numeric(entry, Some(NumericEntry::Final(value))) = state
            && let Some(name) = self.names.get(&entry.metric_id)
        {
            let values = if held_out { &mut self.held_out } else { &mut self.train };
            values.insert(name.to_lowercase(), value);
        }
    }
}

fn list(values: &BTreeMap<String, f64>) -> String {
    let item = |(name, value): (&String, &f64)| format!("{name} {value:.4}");
    values.iter().map(item).collect::<Vec<_>>().join(", ")
}

impl MetricsRendererTraining for PlainProgress {
    fn update_train(&mut self, state: MetricState) {
        self.note(state, false);
    }

    fn update_valid(&mut self, state: MetricState) {
        self.note(state, true);
    }
}

impl TrainingProgressLogger for PlainProgress {
    fn start(&mut self, epochs: usize, _first: usize, _items: Option<usize>, label: Option<&str>) {
        self.epochs = epochs;
        self.label = label.unwrap_or("training").to_string();
    }

    fn update_epoch(&mut self, epoch: usize) {
        let (train, held_out) = (list(&self.train), list(&self.held_out));
        let (label, epochs) = (&self.label, self.epochs);
        println!("{label}: epoch {epoch}/{epochs}: train {train} | held out {held_out}");
    }

    fn start_split(&mut self, _split: &str, _total_items: usize) {}
    fn update_split(&mut self, _items_processed: usize) {}
    fn end_split(&mut self) {}
    fn end(&mut self) {}
    fn log_event_training(&mut self, _event: String) {}
}

impl MetricsRenderer for PlainProgress {
    fn manual_close(&mut self) {}

    fn register_metric(&mut self, definition: MetricDefinition) {
        let name = definition.name.to_string();
        self.names.insert(definition.metric_id, name);
    }
}

impl MetricsRendererEvaluation for PlainProgress {
    fn update_test(&mut self, _name: EvaluationName, _state: MetricState) {}
}

impl EvaluationProgressLogger for PlainProgress {
    fn start_global_progress(&mut self, _total_tests: usize) {}
    fn start_test(&mut self, _name: &str, _total_items: usize) {}
    fn update_test_progress(&mut self, _items_processed: usize) {}
    fn end_test(&mut self) {}
    fn end_global_progress(&mut self) {}
    fn log_event_evaluation(&mut self, _event: String) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_by_hand() {
        assert_eq!(left(2, 6, Duration::from_secs(20)), "2 of 6, about 40 seconds left");
        assert_eq!(left(1, 4, Duration::from_secs(60)), "1 of 4, about 3 minutes left");
        assert_eq!(left(6, 6, Duration::from_secs(61)), "6 of 6, 61 seconds in all");
    }
}
