//! What the outputs of a step have in common.

/// Implements what Burn's learner asks of an output: it takes the tensors out of the graph, those behind the semicolon if they are there,
/// and it reads the loss.
macro_rules! output_of_step {
    ($output:ty: $($($tensor:ident).+),+ $(; $($optional:ident).+)?) => {
        impl ::burn::train::metric::ItemLazy for $output {
            /// As for Burn's own outputs: queued work is submitted, and nothing is read.
            fn sync(mut self) -> Result<Self, ::burn::tensor::ExecutionError> {
                self.loss.device().flush()?;
                self.loss = self.loss.without_autodiff();
                $(self.$($tensor).+ = self.$($tensor).+.without_autodiff();)+
                $(self.$($optional).+ = self.$($optional).+.map(::burn::tensor::Tensor::without_autodiff);)?
                Ok(self)
            }
        }

        impl ::burn::train::metric::Adaptor<::burn::train::metric::LossInput> for $output {
            fn adapt(&self) -> ::burn::train::metric::LossInput {
                ::burn::train::metric::LossInput::new(self.loss.clone())
            }
        }
    };
}
pub(super) use output_of_step;
