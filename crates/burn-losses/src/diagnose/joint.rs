//! A diagnosis of the terms of a joint loss.

use super::{Diagnosis, non_finite_term};
use crate::composition::{JOINT, Joint};

impl Joint {
    /// Names the term that makes the total infinite or NaN, if there is one. This waits for the device.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::composition::{JointLossConfig, TermConfig};
    ///
    /// let device = Device::flex();
    /// let config = JointLossConfig::new().with("fit", 1.0, TermConfig::Given).with("prior", 0.1, TermConfig::Given);
    /// let value = |value: f32| Tensor::from_floats([value], &device);
    /// let joint = config.init(&device).combine([("fit", value(0.5)), ("prior", value(f32::NAN))]);
    /// assert_eq!(joint.diagnose().to_string(), "joint: 1 error\nerror: `prior`: NaN, and so is the total");
    /// ```
    pub fn diagnose(&self) -> Diagnosis {
        let names: Vec<&str> = self.terms.names().iter().map(String::as_str).collect();
        let values: Vec<f64> = self.terms.values().into_data().iter().collect();
        Diagnosis { loss: JOINT, findings: non_finite_term(&names, &values).into_iter().collect() }
    }
}
