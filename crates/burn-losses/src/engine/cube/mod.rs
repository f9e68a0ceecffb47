pub(crate) mod emit;
pub(crate) mod items;
pub(crate) mod launch;
pub(crate) mod math;
pub(crate) mod reduce;
mod tensors;
