//! Rows of logits and what they are compared with -> value: a softmax, and a formula of each class.

mod kernel;
mod softmax;
