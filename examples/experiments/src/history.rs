//! The record of a training: the loss of every step, and each metric at the end of every epoch.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use burn::train::logger::MetricLogger;
use burn::train::metric::store::{EpochSummary, MetricsUpdate, Split};
use burn::train::metric::{MetricDefinition, MetricId, NumericEntry};
use serde::Serialize;

/// The numbers of one training.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct History {
    /// The training loss of each step, in order.
    pub steps: Vec<f64>,
    /// The values of each metric over the training rows, epoch by epoch.
    pub train: BTreeMap<String, Vec<f64>>,
    /// The values of each metric over the held-out rows, epoch by epoch.
    pub held_out: BTreeMap<String, Vec<f64>>,
}

/// A logger that gets every metric from Burn's learner, and keeps the numbers in memory.
#[derive(Default)]
pub struct HistoryLogger {
    history: Arc<Mutex<History>>,
    names: HashMap<MetricId, String>,
}

impl HistoryLogger {
    /// The history, which can be read once the training has ended.
    pub fn history(&self) -> Arc<Mutex<History>> {
        self.history.clone()
    }
}

impl MetricLogger for HistoryLogger {
    fn log(&mut self, update: MetricsUpdate, _epoch: usize, split: &Split) {
        let mut history = self.history.lock().expect("no thread panicked");
        for update in update.entries_numeric {
            let (Some(name), Some(entry)) = (self.names.get(&update.entry.metric_id), update.numeric_entry) else {
                continue;
            };
            match (entry, split) {
                (NumericEntry::Final(value), Split::Train) => {
                    history.train.entry(name.clone()).or_default().push(value);
                }
                (NumericEntry::Final(value), _) => {
                    let epochs = history.held_out.entry(name.clone()).or_default();
                    epochs.push(value);
                }
                (entry, Split::Train) if name == "Loss" => history.steps.push(entry.current()),
                _ => {}
            }
        }
    }

    fn read_numeric(&mut self, _name: &str, _epoch: usize, _split: &Split) -> Result<Vec<NumericEntry>, String> {
        Ok(Vec::new()) // only checkpointing and early stopping ask for it, which are not used here
    }

    fn log_metric_definition(&mut self, definition: MetricDefinition) {
        let name = definition.name.to_string();
        self.names.insert(definition.metric_id, name);
    }

    fn log_epoch_summary(&mut self, _summary: EpochSummary) {}
}
