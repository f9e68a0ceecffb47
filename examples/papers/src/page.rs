//! The page of the guide.

use std::fmt::Write;

use crate::claim::{Claim, Measured};
use crate::claims::GROUPS;

const HEAD: &str = "# What the papers claim

```sh
cargo xtask papers                  # measure all claims; the exit code is 1 if one is outside its band
cargo xtask papers --only focal     # those whose loss, paper or text contains a word
cargo xtask papers --quick          # without trainings and simulations, as in the tests
cargo run -q -p papers -- --json    # for other programs
```

A paper states a number, an identity or an order, and a small machine can often repeat it. Each row below is such a statement, with the
band in which the measured number has to be and the number that the last run has found. Where the claim is an identity, the number is the
largest difference of its two sides. The losses are called through their public API, in double precision, from the text of a config.

This page is what `cargo run -q -p papers -- --markdown` prints. A test compares its claims with those of the program, and its numbers with
their bands. The [experiments](experiments.md) train longer and on more data.
";

const TAIL: &str = "
## What does not hold

In the simulation of the DIoU paper the authors find larger errors for GIoU than for DIoU. With true gradients the order is the
opposite. The released code doubles the gradients of width and height, and its gradient of GIoU is wrong for boxes that are apart.
";

/// The page, in Markdown.
pub(crate) fn page(all: &[Measured]) -> String {
    let mut page = HEAD.to_owned();
    for (title, claims) in GROUPS {
        let of_group = all.iter().filter(|measured| claims.iter().any(|claim| std::ptr::eq(claim, measured.claim)));
        let rows: String = of_group.map(|measured| row(measured.claim, &measured.shown())).collect();
        let columns = "| Loss | Paper | Claim | Claimed | Measured |\n|---|---|---|---|---|\n";
        write!(page, "\n## {title}\n\n{columns}{rows}").expect("a string takes it");
    }
    page + TAIL
}

fn row(claim: &Claim, measured: &str) -> String {
    let Claim { loss, paper, what, claimed, .. } = claim;
    format!("| `{loss}` | [{}]({}) | {what} | {claimed} | {measured} |\n", paper.name, paper.link())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims;

    const PAGE: &str = include_str!("../../../docs/src/papers.md");

    /// Everything but the numbers is what the program prints, and the numbers are in their bands.
    #[test]
    fn the_page_is_what_the_program_prints() {
        let rows: Vec<&str> = PAGE.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(rows.len(), claims::all().count(), "rows of docs/src/papers.md");
        for (line, claim) in rows.iter().zip(claims::all()) {
            let number = line.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
            assert_eq!(format!("{line}\n"), row(claim, number));
            let value: f64 = number.parse().unwrap_or_else(|_| panic!("{line}"));
            assert!(claim.claimed.holds(value), "{line}");
        }
        let rest = |text: &str| text.lines().filter(|line| !line.starts_with("| `")).collect::<Vec<_>>().join("\n");
        assert_eq!(rest(PAGE), rest(&page(&[])), "run `cargo run -q -p papers -- --markdown > docs/src/papers.md`");
    }
}
