//! The attributes that declare the losses and configs of `burn-losses`. They are for that crate only: the code that they
//! generate names its modules.
//!
//! The generated code is small: tables of data, and methods of one line. They call code that is compiled once for all
//! losses (`field::record` and `loss` in `burn-losses`).

mod by_value;
mod choice;
mod config;
mod dispatch;
mod documentation;
mod families;
mod family;
mod field;
mod inherent;
mod loss;
mod module;
mod range;
mod word_or_number;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Makes a struct of documented fields a config: `new`, `with_` methods, serde, a JSON Schema, and in the documentation of each field
/// its default, its range and its key. A config with `reduction`, which every loss has, is declared by [`macro@loss_config`].
///
/// ```text
/// #[config(check = function)]                       // optional: what is not allowed of several fields together
/// pub struct FocalLossConfig {
///     /// What it means.
///     #[field(default = 2.0, range = ">= 0")]        // or [0, 1], (0, 1], < 1, ..; without a range: any finite number
///     pub gamma: f64,
///     /// What has no sensible default is an argument of `new`. The example is for tools that try every loss.
///     #[field(example = 10, range = ">= 1")]
///     pub num_classes: usize,
///     #[field(flatten)]                              // the fields of a struct of `shared_fields`
///     pub options: Options,
/// }
/// ```
#[proc_macro_attribute]
pub fn config(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let (arguments, item) = (parse_macro_input!(arguments as config::Arguments), parse_macro_input!(item));
    config::expand(arguments, item, config::Shape::Plain).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Does what [`macro@config`] does, and adds the field `reduction` as the last one.
#[proc_macro_attribute]
pub fn loss_config(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let (arguments, item) = (parse_macro_input!(arguments as config::Arguments), parse_macro_input!(item));
    config::expand(arguments, item, config::Shape::Loss).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Declares fields that several configs share: a config includes them in a field with `#[field(flatten)]`.
#[proc_macro_attribute]
pub fn shared_fields(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let (arguments, item) = (parse_macro_input!(arguments as config::Arguments), parse_macro_input!(item));
    config::expand(arguments, item, config::Shape::Shared).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct with a `config` a loss: `#[loss(family, "kind", "summary")]`.
///
/// The documentation of the struct has the sections `Formula`, `When to use` and `Elsewhere`, which tools show too. `Elsewhere`
/// is a list of what other libraries have: `` - `torch.nn.HuberLoss`: the same. ``, or the difference after the colon.
///
/// A struct with more fields than `config` is a module of Burn with state, and its config has a method
/// `fn build(&self, device: &Device) -> TheLoss`. The other fields are modules, except those with `#[module(skip)]`. The parameters of
/// a module with `#[module(flatten)]` have the names that they would have as fields of the loss.
#[proc_macro_attribute]
pub fn loss(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let (arguments, item) = (parse_macro_input!(arguments as loss::Arguments), parse_macro_input!(item));
    loss::expand(arguments, item).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes an enum of configs the config of a family, and writes the enum of the losses that they make: `#[family(name, makes = Any)]`.
///
/// Each variant declares the names of its kind: `#[kind("huber", alias = "l")]`.
#[proc_macro_attribute]
pub fn family(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let (arguments, item) = (parse_macro_input!(arguments as family::Arguments), parse_macro_input!(item));
    family::expand(arguments, item).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes an enum of the configs of families the config of any loss, and writes `AnyLoss` and `registry` beside it. The name of a family
/// is that of its variant in snake case.
#[proc_macro_attribute]
pub fn families(_: TokenStream, item: TokenStream) -> TokenStream {
    families::expand(parse_macro_input!(item)).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes the forward methods and the checks of a family's trait methods of each of its losses too, so that a caller needs no trait.
/// [`macro@family`] implements the trait for the enum of the losses: every other method calls that of the loss in the enum.
///
/// A forward method panics at the place of its caller where its check returns an error: the attribute adds this to its documentation.
#[proc_macro_attribute]
pub fn inherent(_: TokenStream, item: TokenStream) -> TokenStream {
    inherent::expand(parse_macro_input!(item)).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements a trait for an enum that [`macro@family`] has written: a method without a body calls that of the loss in the enum.
#[proc_macro_attribute]
pub fn dispatch(_: TokenStream, item: TokenStream) -> TokenStream {
    dispatch::expand(parse_macro_input!(item)).into()
}

/// Makes an enum of words a field of configs. The word of a variant is its name in snake case.
///
/// `#[instead("word", "what to do")]` gives the advice for a word that is not one of the enum's.
#[proc_macro_derive(Choice, attributes(instead))]
pub fn choice(item: TokenStream) -> TokenStream {
    choice::expand(parse_macro_input!(item)).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements Serde's traits for a field of configs that implements `FieldType` itself.
#[proc_macro_derive(ByValue)]
pub fn by_value(item: TokenStream) -> TokenStream {
    by_value::field(&parse_macro_input!(item as syn::DeriveInput).ident).into()
}

/// Makes an enum of one word and of `Number(f64)`, `PerClass(Vec<f64>)` or `Counts(CountedWeights)`, or some of these, a field of
/// configs. `#[counts(Classes)]` says what is counted: a variant of `CountsOf`.
#[proc_macro_derive(WordOrNumber, attributes(counts))]
pub fn word_or_number(item: TokenStream) -> TokenStream {
    word_or_number::expand(parse_macro_input!(item)).unwrap_or_else(syn::Error::into_compile_error).into()
}
