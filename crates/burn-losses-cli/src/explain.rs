//! `burn-losses explain`: everything that is known about one loss.

use crate::catalog::{self, REGULARIZATION, full_name};
use crate::describe::{fields, paragraph, plain, smallest, twin};
use crate::error::Error;
use crate::plot;
use crate::style::{bold, faint, text_width, wrap};
use burn::tensor::Device;
use burn_losses::signature::{Argument, Classes, Kind, Role, Shape};
use burn_losses::{LossConfig, LossInfo};
use clap::Args;

/// Explain a loss: when to use it, formula, shapes, fields, counterparts in other libraries
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses explain huber
  burn-losses explain binary/focal
  burn-losses explain torch.nn.CrossEntropyLoss
  burn-losses explain ciou --open")]
pub(crate) struct Explain {
    /// A kind, `FAMILY/KIND`, or a name in another library
    #[arg(value_name = "KIND")]
    name: String,
    /// Draw the loss, and open the picture in the image viewer of the desktop
    #[arg(long)]
    open: bool,
}

impl Explain {
    /// The explanation of every loss that has the name.
    pub(crate) fn run(&self) -> Result<String, Error> {
        let losses = catalog::named(&self.name)?;
        let mut text = losses.iter().map(|loss| explanation(loss)).collect::<Vec<_>>().join("\n\n");
        if self.open {
            for loss in &losses {
                text += &format!("\n\nThe picture: {}", plot::open(loss)?.display());
            }
        }
        Ok(text)
    }
}

fn explanation(loss: &LossInfo) -> String {
    let also = match loss.aliases {
        [] => String::new(),
        aliases => faint(&format!(" (or {})", aliases.join(", "))),
    };
    let mut text = format!("{}{also}\n{}", bold(&full_name(loss)), wrap(loss.summary, 2));
    let mut section = |title: &str, body: String| {
        if !body.trim().is_empty() {
            text += &format!("\n\n{}\n{body}", bold(title));
        }
    };
    section("When to use", wrap(&plain(loss.when_to_use), 2));
    section("Formula", formula(loss.formula));
    section("Arguments", arguments(loss));
    section("Fields", fields(loss, 2));
    section("In other libraries", loss.twins.iter().map(|other| wrap(&twin(other), 2)).collect::<Vec<_>>().join("\n"));
    section("Config", smallest(loss).lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"));
    section("Documentation", format!("  {}", catalog::documentation(loss)));
    text
}

/// A formula on lines of its own; parts longer than a line are set as text.
fn formula(text: &str) -> String {
    let line = |line: &str| {
        let line = plain(line);
        if line.chars().count() + 2 <= text_width() {
            format!("  {line}").trim_end().to_owned()
        } else {
            wrap(&line, 2)
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn arguments(loss: &LossInfo) -> String {
    if loss.family == REGULARIZATION {
        return wrap("the parameters of a module, by their paths", 2);
    }
    let config = LossConfig::example(loss.family, loss.kind);
    let Ok(any) = config.and_then(|config| config.try_init(&Device::flex())) else { return String::new() };
    let signature = |signature: Vec<Argument>| {
        let longest = signature.iter().map(|argument| argument.name.len()).max().unwrap_or_default();
        let line = |argument: &Argument| {
            let name = format!("{:longest$}", argument.name);
            let text = wrap(&argument_text(argument, signature[0].name), longest + 4);
            format!("  {}  {}", bold(&name), text.trim_start())
        };
        signature.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    any.signatures().into_iter().map(signature).collect::<Vec<_>>().join("\n  or\n")
}

/// Describes an argument, next to the argument `first`.
fn argument_text(argument: &Argument, first: &str) -> String {
    let shape = match &argument.shape {
        Shape::Axes(1, 1) => "1 axis".to_owned(),
        Shape::Axes(least, most) if least == most => format!("{least} axes"),
        Shape::Axes(least, most) => format!("{least} to {most} axes"),
        Shape::ClassAxis => "[N, C, ..], the classes on axis 1".to_owned(),
        Shape::Pictures(1) => "[N, C, H, W] or [N, C, D, H, W]".to_owned(),
        Shape::Pictures(least) => format!("[N, C, H, W] or [N, C, D, H, W], with sides of at least {least}"),
        Shape::Parameters(number) => format!("[N, {number}, ..], the parameters on axis 1"),
        Shape::Same => format!("the shape of {first}"),
        Shape::WithoutClassAxis => format!("the shape of {first} without the class axis"),
        Shape::First(1) | Shape::Rows(1) => format!("[N], one per row of {first}"),
        Shape::First(axes) => format!("the first {axes} axes of {first}"),
        Shape::Rows(axes) => format!("{axes} axes, one row per row of {first}"),
        Shape::Exactly(shape) => format!("{shape:?}, as the config says"),
    };
    let kind = match argument.kind {
        Kind::Float => "numbers",
        Kind::Labels { classes: Classes::Length(_) | Classes::LengthOfLabels, .. } => "lengths",
        Kind::Labels { .. } => "labels",
        Kind::Mask => "true or false",
    };
    let role = match (argument.role, &argument.shape) {
        (Role::Weight, Shape::Same | Shape::WithoutClassAxis) => ", or one per sample",
        (Role::Parameter, _) => ", in place of the loss's own parameter",
        (Role::State, _) => ", in place of the loss's own state",
        _ => "",
    };
    let optional = if argument.optional { "; optional" } else { "" };
    paragraph(&format!("{kind}, {shape}{role}{optional}"))
}
