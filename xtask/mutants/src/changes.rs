//! What an expression may be changed into.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{BinOp, Expr, ExprBinary, ExprMethodCall, ExprUnary, Lit, UnOp};

use crate::mutant::{Change, shown};

/// Methods without arguments whose call may be left out: the result has the type of the value.
const UNARY: [&str; 29] = [
    "abs",
    "atan",
    "ceil",
    "cos",
    "cosh",
    "detach",
    "exp",
    "exp_m1",
    "floor",
    "ln",
    "ln_1p",
    "log1p",
    "log2",
    "neg",
    "not",
    "recip",
    "reciprocal",
    "relu",
    "round",
    "safe_sqrt",
    "sigmoid",
    "sign",
    "signum",
    "sin",
    "softplus",
    "sqrt",
    "square",
    "stop",
    "tanh",
];

/// Methods with arguments whose call may be left out.
const WITH_ARGUMENTS: [&str; 22] = [
    "add",
    "clamp",
    "clamp_max",
    "clamp_min",
    "div",
    "mask_fill",
    "mask_where",
    "max",
    "max_pair",
    "maximum",
    "min",
    "min_pair",
    "minimum",
    "mul",
    "mul_add",
    "powf",
    "powi",
    "powf_scalar",
    "saturating_sub",
    "sub",
    "weigh",
    "weigh_add",
];

/// Below and above these, a number is a guard, and half or twice as much does the same.
const GUARDS: [f64; 2] = [1e-5, 1e5];

/// The source of a span.
pub(crate) fn text(source: &str, span: Span) -> &str {
    &source[span.byte_range()]
}

/// The changes of an expression itself, not of its parts.
pub(crate) fn changes(source: &str, expression: &Expr) -> Vec<Change> {
    match expression {
        Expr::Binary(binary) => operators(source, binary),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_) | UnOp::Not(_), expr, .. }) => {
            vec![replaced(source, expression, text(source, expr.span()))]
        }
        Expr::Lit(literal) => {
            number(&literal.lit).into_iter().map(|after| replaced(source, expression, &after)).collect()
        }
        Expr::MethodCall(call) => left_out(source, call).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The changes of a condition: it always or never holds.
pub(crate) fn condition(source: &str, condition: &Expr) -> Vec<Change> {
    if has_let(condition) || is_constant(condition) {
        return Vec::new();
    }
    let before = format!("if {}", shown(text(source, condition.span()), false));
    let change =
        |after: &str| Change { before: before.clone(), after: after.to_owned(), replacement: after.to_owned() };
    ["true", "false"].map(change).into()
}

/// Whether the condition is `cfg!(..)` or a word.
fn is_constant(condition: &Expr) -> bool {
    match condition {
        Expr::Macro(_) | Expr::Lit(_) => true,
        Expr::Unary(unary) => is_constant(&unary.expr),
        Expr::Paren(paren) => is_constant(&paren.expr),
        _ => false,
    }
}

/// Whether an expression is a condition with a `let`, which is no value.
pub(crate) fn has_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(ExprBinary { left, op: BinOp::And(_), right, .. }) => has_let(left) || has_let(right),
        _ => false,
    }
}

fn replaced(source: &str, expression: &Expr, after: &str) -> Change {
    let before = text(source, expression.span());
    Change { before: shown(before, false), after: shown(after, false), replacement: after.to_owned() }
}

fn operators(source: &str, binary: &ExprBinary) -> Vec<Change> {
    if has_let(&binary.left) || has_let(&binary.right) {
        return Vec::new();
    }
    let others: &[&str] = match binary.op {
        BinOp::Add(_) => &["-", "*"],
        BinOp::Sub(_) => &["+"],
        BinOp::Mul(_) => &["/", "+"],
        BinOp::Div(_) => &["*"],
        BinOp::Rem(_) => &["/"],
        BinOp::And(_) => &["||"],
        BinOp::Or(_) => &["&&"],
        BinOp::Lt(_) => &["<=", ">="],
        BinOp::Le(_) => &["<", ">"],
        BinOp::Gt(_) => &[">=", "<="],
        BinOp::Ge(_) => &[">", "<"],
        BinOp::Eq(_) => &["!="],
        BinOp::Ne(_) => &["=="],
        BinOp::BitAnd(_) => &["|"],
        BinOp::BitOr(_) => &["&"],
        BinOp::Shl(_) => &[">>"],
        BinOp::Shr(_) => &["<<"],
        BinOp::AddAssign(_) => &["-="],
        BinOp::SubAssign(_) => &["+="],
        BinOp::MulAssign(_) => &["/="],
        BinOp::DivAssign(_) => &["*="],
        _ => &[],
    };
    let is_assignment =
        matches!(binary.op, BinOp::AddAssign(_) | BinOp::SubAssign(_) | BinOp::MulAssign(_) | BinOp::DivAssign(_));
    let [left, operator, right] =
        [binary.left.span(), binary.op.span(), binary.right.span()].map(|span| text(source, span));
    let (first, last) = (shown(left, true), shown(right, false));
    let change = |other: &&str| Change {
        before: format!("{first} {operator} {last}"),
        after: other.to_string(),
        // A place on the left stays as it is; values get parentheses, since the other operator may bind closer.
        replacement: if is_assignment {
            format!("{left} {other} {right}")
        } else {
            format!("({left}) {other} ({right})")
        },
    };
    others.iter().map(change).collect()
}

/// Another number of the same type.
fn number(literal: &Lit) -> Option<String> {
    let other = |value: f64| match value.abs() {
        0.0 => 1.0,
        size if !(GUARDS[0]..=GUARDS[1]).contains(&size) => 1.0,
        _ => value * 2.0,
    };
    match literal {
        Lit::Float(float) => Some(format!("{:?}{}", other(float.base10_parse().ok()?), float.suffix())),
        Lit::Int(whole) if whole.suffix().starts_with('f') => {
            Some(format!("{:?}{}", other(whole.base10_parse().ok()?), whole.suffix()))
        }
        Lit::Int(whole) => Some(format!("{}{}", whole.base10_parse::<u64>().ok()?.checked_add(1)?, whole.suffix())),
        _ => None,
    }
}

/// The receiver in place of the call.
fn left_out(source: &str, call: &ExprMethodCall) -> Option<Change> {
    let name = call.method.to_string();
    let known: &[&str] = if call.args.is_empty() { &UNARY } else { &WITH_ARGUMENTS };
    if !known.contains(&name.as_str()) {
        return None;
    }
    let receiver = text(source, call.receiver.span());
    let whole = text(source, call.span());
    let before = format!("{}{}", shown(receiver, true), shown(&whole[receiver.len()..], false));
    Some(Change { before, after: shown(receiver, true), replacement: receiver.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(source: &str) -> Vec<String> {
        let expression = syn::parse_str::<Expr>(source).unwrap();
        changes(source, &expression).into_iter().map(|change| change.replacement).collect()
    }

    #[test]
    fn operators_become_their_neighbors() {
        assert_eq!(all("a + b * c"), ["(a) - (b * c)", "(a) * (b * c)"]);
        assert_eq!(all("x - 1"), ["(x) + (1)"]);
        assert_eq!(all("x < y"), ["(x) <= (y)", "(x) >= (y)"]);
        assert_eq!(all("x && y"), ["(x) || (y)"]);
        assert_eq!(all("x[i] += y"), ["x[i] -= y"]);
        assert_eq!(all("x && let Some(y) = z"), [""; 0]);
    }

    #[test]
    fn signs_are_left_out() {
        assert_eq!(all("-x.ln()"), ["x.ln()"]);
        assert_eq!(all("!is_one"), ["is_one"]);
        assert_eq!(all("*x"), [""; 0]);
    }

    #[test]
    fn numbers_change() {
        assert_eq!(all("0.5"), ["1.0"]);
        assert_eq!(all("0.0"), ["1.0"]);
        assert_eq!(all("1e-30_f32"), ["1.0f32"]);
        assert_eq!(all("2usize"), ["3usize"]);
        assert_eq!(all("3f64"), ["6.0f64"]);
        assert_eq!(all("\"text\""), [""; 0]);
    }

    #[test]
    fn calls_are_left_out() {
        assert_eq!(all("f(x).abs()"), ["f(x)"]);
        assert_eq!(all("x.clone().max(y)"), ["x.clone()"]);
        assert_eq!(all("x.len()"), [""; 0]);
        assert_eq!(all("numbers.iter().max()"), [""; 0]);
    }

    #[test]
    fn conditions_hold_always_or_never() {
        let all = |source: &str| condition(source, &syn::parse_str(source).unwrap()).len();
        assert_eq!([all("a < b"), all("let Some(a) = b"), all("cfg!(unix)"), all("!cfg!(unix)")], [2, 0, 0, 0]);
    }
}
