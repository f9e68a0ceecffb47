//! Progress as plain text, a line per epoch: for logs and pipes, where Burn's dashboard cannot draw.

use std::collections::{BTreeMap, HashMap};

use burn::train::logger::{EvaluationProgressLogger, TrainingProgressLogger};
use burn::train::metric::{MetricDefinition, MetricId, NumericEntry};
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation, MetricsRendererTraining,
};

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
