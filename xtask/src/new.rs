//! Adds a new loss: everything but its formula, its golden cases and its line in the changelog.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The mark of what the author has to write, in templates and in the files made from them.
const OPEN: &str = "TODO";

/// The stub of a golden generator.
struct Golden {
    family: &'static str,
    /// The file in `reference/families`, if its name is not that of the family.
    file: Option<&'static str>,
    /// The parameters of the oracle: the inputs, and the fields of the template.
    takes: &'static str,
    /// The class of the oracle.
    class: &'static str,
    /// Further arguments of the function that adds the cases of every loss of the family.
    options: &'static str,
}

const PLAIN: Golden = Golden { family: "", file: None, takes: "", class: "Kind", options: "" };

/// The stubs, one for each family.
const GOLDEN: &[Golden] = &[
    Golden { family: "regression", takes: "predictions, targets, scale=1.0", ..PLAIN },
    Golden { family: "likelihood", takes: "parameters, targets, scale=1.0", ..PLAIN },
    Golden { family: "binary", takes: "logits, targets, scale=1.0", ..PLAIN },
    Golden { family: "classification", takes: "logits, labels, scale=1.0, ignore_index=\"none\"", ..PLAIN },
    Golden { family: "distribution", takes: "scale=1.0, **inputs", options: ", base=False", ..PLAIN },
    Golden { family: "segmentation", takes: "smooth=1.0, **inputs", options: ", SOFTMAX, BATCH", ..PLAIN },
    Golden { family: "boxes", takes: "predictions, targets, scale=1.0, format=\"xyxy\"", ..PLAIN },
    Golden {
        family: "heads",
        file: Some("margins"),
        takes: "scale=30.0, margin=0.35, **inputs",
        class: "Head",
        ..PLAIN
    },
    Golden { family: "sequence", takes: "blank=0, **inputs", ..PLAIN },
    Golden { family: "metric", takes: "embeddings, labels, scale=1.0", ..PLAIN },
    Golden { family: "vectors", takes: "first, second, scale=1.0", ..PLAIN },
    Golden { family: "self_supervised", takes: "first, second, scale=1.0", ..PLAIN },
    Golden { family: "ranking", takes: "scores, relevance, margin=1.0, valid=None", ..PLAIN },
    Golden { family: "preference", takes: "chosen, rejected, margin=1.0", ..PLAIN },
    Golden { family: "image", takes: "predictions, targets, scale=1.0", ..PLAIN },
    Golden { family: "generative", takes: "first, second, scale=1.0", ..PLAIN },
];

/// Writes the files of the loss `FAMILY/KIND`, and registers it.
pub(crate) fn run(name: &str) -> Result<(), String> {
    let (golden, kind) = parse(name)?;
    let folder = sources().join(golden.family);
    let (file, module) = (folder.join(kind).with_extension("rs"), folder.join("mod.rs"));
    if file.exists() {
        return Err(format!("{} is there already", file.display()));
    }
    let generator = golden.generator();

    let source = filled(&read(&folder.join("template.rs"))?, kind);
    let registered = registered(&read(&module)?, kind).ok_or_else(|| format!("{} has no family", module.display()))?;
    let cases = read(&generator)? + &golden.stub(kind);
    write(&file, &source)?;
    write(&module, &registered)?;
    write(&generator, &cases)?;
    if source.contains("impl SoftTargets") {
        let soft = folder.join("soft.rs");
        write(&soft, &with_soft_targets(&read(&soft)?, kind))?;
    }
    // rustfmt also sorts the lines.
    let formatted = Command::new("rustfmt").args(["--edition", "2024"]).arg(&module).status();
    if !formatted.is_ok_and(|status| status.success()) {
        return Err("rustfmt fails: run `cargo fmt`".into());
    }

    let shown = |path: &Path| path.strip_prefix(ROOT).unwrap_or(path).display().to_string();
    println!("\nWhat is left to write is marked with {OPEN}:");
    println!("   {}: the formula and its documentation", shown(&file));
    println!("   {}: an oracle and cases, at its end", shown(&generator));
    println!("   CHANGELOG.md: a line\nThen: cargo xtask generate {name}");
    Ok(())
}

/// Fails if a mark of a template is left.
pub(crate) fn check() -> Result<(), String> {
    let mut open = Vec::new();
    for golden in GOLDEN {
        let family = fs::read_dir(sources().join(golden.family)).map_err(|error| error.to_string())?;
        let losses = family.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| !path.ends_with("template.rs"));
        for path in losses.chain([golden.generator()]).filter(|path| path.is_file()) {
            let text = read(&path)?;
            let lines = (1..).zip(text.lines()).filter(|(_, line)| line.contains(OPEN));
            open.extend(lines.map(|(number, line)| format!("{}:{number}: {}", path.display(), line.trim())));
        }
    }
    if open.is_empty() { Ok(()) } else { Err(open.join("\n")) }
}

fn sources() -> PathBuf {
    Path::new(ROOT).join("crates/burn-losses/src")
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads `FAMILY/KIND`, where a kind is like `my_loss`.
fn parse(name: &str) -> Result<(&'static Golden, &str), String> {
    let families = GOLDEN.iter().map(|golden| golden.family).collect::<Vec<_>>().join(", ");
    let (family, kind) = name.split_once('/').ok_or("expected FAMILY/KIND, for instance regression/huber")?;
    let golden = GOLDEN.iter().find(|golden| golden.family == family);
    let golden = golden.ok_or_else(|| format!("no family `{family}`; there are {families}"))?;
    let is_plain = kind.starts_with(|first: char| first.is_ascii_lowercase())
        && kind.chars().all(|each| matches!(each, 'a'..='z' | '0'..='9' | '_'));
    match is_plain {
        false => Err(format!("`{kind}`: a kind has lower-case letters, digits and `_`")),
        true if kind.ends_with("loss") => Err(format!("`{kind}`: leave `loss` out, its types are `..Loss`")),
        true => Ok((golden, kind)),
    }
}

/// A kind in camel case: `my_kind` becomes `MyKind`.
fn camel_case(kind: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    kind.split('_').map(word).collect()
}

/// A template, with the names of a loss filled in.
fn filled(template: &str, kind: &str) -> String {
    template.replace("Template", &camel_case(kind)).replace("template", kind)
}

/// The list of the losses with soft targets, with one more.
fn with_soft_targets(list: &str, kind: &str) -> String {
    let start = "\nsoft_targets_methods!(\n";
    list.replacen(start, &format!("{start}    {}Loss,\n", camel_case(kind)), 1)
}

/// The module of a family with one more loss: as the last kind, but before the sum. `None` if the file declares no family.
fn registered(module: &str, kind: &str) -> Option<String> {
    let name = camel_case(kind);
    let mut text = module.to_owned();
    let start = text.find("\n#[family(")?;
    let end = start + text[start..].find("\n}")? + 1;
    let place = text[start..end].find("    #[kind(\"weighted_sum\"").map_or(end, |at| start + at);
    text.insert_str(place, &format!("    #[kind(\"{kind}\")]\n    {name}({name}LossConfig),\n"));
    let place = text.find("\npub use ")? + 1;
    text.insert_str(place, &format!("pub use {kind}::{{{name}Loss, {name}LossConfig}};\n"));
    let place = text.find("\nmod ")? + 1;
    text.insert_str(place, &format!("mod {kind};\n"));
    Some(text)
}

impl Golden {
    /// The path of the Python file.
    fn generator(&self) -> PathBuf {
        Path::new(ROOT).join("reference/families").join(self.file.unwrap_or(self.family)).with_extension("py")
    }

    /// The oracle and its registration, to be appended to the Python file.
    fn stub(&self, kind: &str) -> String {
        let Self { family, takes, class, options, .. } = self;
        format!(
            "\n\n@formula(\"{OPEN}: authors, year\")\n\
             def {kind}_oracle({takes}):\n    \
             raise NotImplementedError(\"{OPEN}: what an independent library says, or the formula as the paper has it\")\n\n\n\
             {kind} = common({class}(\"{family}\", \"{kind}\", {kind}_oracle){options})\n\
             # {OPEN}: cases of its own, in which each field has another value than its default\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_a_template_and_a_place_for_a_loss() {
        for golden in GOLDEN {
            let folder = sources().join(golden.family);
            let source = filled(&read(&folder.join("template.rs")).unwrap(), "my_own");
            for part in
                ["pub struct MyOwnLoss {", "pub struct MyOwnLossConfig {", "\"my_own\"", "# When to use", "# Elsewhere"]
            {
                assert!(source.contains(part), "{}: {part}", golden.family);
            }
            let module = registered(&read(&folder.join("mod.rs")).unwrap(), "my_own").expect("a family");
            for line in [
                "\nmod my_own;\n",
                "\npub use my_own::{MyOwnLoss, MyOwnLossConfig};\n",
                "\n    #[kind(\"my_own\")]\n    MyOwn(MyOwnLossConfig),\n",
            ] {
                assert!(module.contains(line), "{}: {line}", golden.family);
            }
            assert!(golden.stub("my_own").contains(&format!("\"{}\", \"my_own\", my_own_oracle", golden.family)));
        }
    }

    #[test]
    fn a_loss_with_soft_targets_is_in_their_list() {
        let folder = sources().join("classification");
        assert!(
            filled(&read(&folder.join("template.rs")).unwrap(), "my_own").contains("impl SoftTargets for MyOwnLoss")
        );
        let list = with_soft_targets(&read(&folder.join("soft.rs")).unwrap(), "my_own");
        assert!(list.contains("\nsoft_targets_methods!(\n    MyOwnLoss,\n"));
    }

    #[test]
    fn a_sum_stays_the_last_kind() {
        let module = "mod a;\n\nmod b;\npub use a::A;\n\n#[family(f, makes = Any)]\npub enum F {\n    #[kind(\"a\")]\n    A(A),\n    \
                      #[kind(\"weighted_sum\")]\n    S(S),\n}\n";
        let text = registered(module, "new").unwrap();
        assert!(
            text.contains("A(A),\n    #[kind(\"new\")]\n    New(NewLossConfig),\n    #[kind(\"weighted_sum\")]"),
            "{text}"
        );
        let without = module.replace("weighted_sum", "last");
        assert!(
            registered(&without, "new")
                .unwrap()
                .ends_with("    S(S),\n    #[kind(\"new\")]\n    New(NewLossConfig),\n}\n")
        );
    }

    #[test]
    fn names_are_checked() {
        let error = |name: &str| parse(name).err().expect("an error");
        assert!(error("huber").contains("FAMILY/KIND"));
        assert!(error("statistics/huber").starts_with("no family `statistics`; there are regression, "));
        assert!(error("regression/Huber").contains("lower-case"));
        assert!(error("regression/huber_loss").contains("leave `loss` out"));
        assert_eq!(
            parse("heads/arcface_2").map(|(golden, kind)| (golden.file, kind)),
            Ok((Some("margins"), "arcface_2"))
        );
        assert_eq!(camel_case("nt_xent_2"), "NtXent2");
    }
}
