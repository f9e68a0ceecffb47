//! A run from the draw to the report, which can go on where it was stopped.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::compile::{Binary, build};
use crate::coverage::{self, Test, record};
use crate::mutant::Mutant;
use crate::options::Options;
use crate::project::{Project, read};
use crate::report::{Reasons, Report};
use crate::runner::{Runner, in_parallel};
use crate::sample::drawn;
use crate::trial::{Court, Trial};

/// Some mutants are not Rust, so more are drawn than are tested.
fn candidates(count: usize) -> usize {
    count + count / 2 + 10
}

/// The drawn mutants, all of them.
pub(crate) fn draw(project: &Project, options: &Options) -> Result<Vec<Mutant>, String> {
    let mut mutants = project.mutants(&options.files)?;
    if !options.only.is_empty() {
        mutants.retain(|mutant| options.only.iter().any(|words| mutant.name.contains(words.as_str())));
    }
    if mutants.is_empty() {
        return Err("there is no such mutant".into());
    }
    Ok(drawn(mutants, options.seed))
}

/// Prints the mutants of the sample, and how many each folder has.
pub(crate) fn list(project: &Project, options: &Options) -> Result<(), String> {
    let mut mutants = draw(project, options)?;
    let mut folders = BTreeMap::<String, usize>::new();
    for mutant in &mutants {
        let folder = mutant.file.split('/').next().unwrap_or_default();
        *folders.entry(folder.to_owned()).or_default() += 1;
    }
    let (all, files) = (mutants.len(), mutants.iter().map(|mutant| &mutant.file).collect::<BTreeSet<_>>().len());
    mutants.truncate(if options.all { all } else { options.count });
    mutants.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    for mutant in &mutants {
        println!("{}:{}: {}", project.source(&mutant.file), mutant.line, mutant.change());
    }
    println!();
    for (folder, count) in folders {
        println!("{folder:<24}{count:>7}");
    }
    println!("{all} mutants in {files} files; {} are listed", mutants.len());
    Ok(())
}

/// What is kept of the build and of the recording.
struct Prepared {
    dropped: BTreeSet<usize>,
    binaries: Vec<Binary>,
    tests: Vec<Test>,
}

/// Tests a sample. Returns whether enough mutants were caught, and the others have reasons.
pub(crate) fn run(project: &Project, options: &Options, reasons: &Reasons) -> Result<bool, String> {
    let mut mutants = draw(project, options)?;
    mutants.truncate(candidates(options.count));
    let work = project.work();
    fs::create_dir_all(&work).map_err(|error| format!("{}: {error}", work.display()))?;
    let runner = Runner { folder: project.copy().join(&project.folder), scratch: work.clone(), memory: options.memory };

    let key = key(project, &mutants)?;
    let (state, results) = (work.join("state.json"), work.join("results.jsonl"));
    let earlier = if options.resume { load(&state, &key) } else { None };
    let mut done = HashMap::new();
    let prepared = if let Some(prepared) = earlier {
        done.extend(trials(&results)?);
        // The last line may have been cut, and others follow.
        let lines: String = done.values().map(|trial: &Trial| format!("{}\n", trial.to_json())).collect();
        fs::write(&results, lines).map_err(|error| format!("{}: {error}", results.display()))?;
        println!("== the build and {} results of the last run are used", done.len());
        prepared
    } else {
        let prepared = prepare(project, options, &runner, &mutants)?;
        save(&state, &key, &prepared)?;
        let _ = fs::remove_file(&results);
        prepared
    };

    let Prepared { dropped, binaries, tests } = prepared;
    let chosen: Vec<usize> =
        (0..mutants.len()).filter(|number| !dropped.contains(number)).take(options.count).collect();
    let open: Vec<usize> = chosen.iter().copied().filter(|&number| !done.contains_key(&mutants[number].name)).collect();
    println!("== {} mutants, {} of them to be tested", chosen.len(), open.len());
    let court = Court { runner: &runner, binaries: &binaries, tests: &tests, caught: Mutex::default() };
    let file = OpenOptions::new().create(true).append(true).open(&results);
    let file = Mutex::new(file.map_err(|error| format!("{}: {error}", results.display()))?);
    let new = Mutex::new(Vec::new());
    in_parallel(options.jobs, open.len(), |job, item| {
        let mutant = &mutants[open[item]];
        let trial = court.trial(open[item], mutant, job)?;
        let mut new = new.lock().expect("a lock");
        writeln!(file.lock().expect("a lock"), "{}", trial.to_json()).map_err(|error| error.to_string())?;
        let (at, all) = (new.len() + 1, open.len());
        println!("   {at}/{all} {:<11} {:>6.1} s  {}", trial.fate.word(), trial.seconds, mutant.name);
        new.push(trial);
        Ok(())
    })?;
    let new = new.into_inner().expect("a lock");
    done.extend(new.into_iter().map(|trial| (trial.name.clone(), trial)));

    let mut chosen = chosen;
    chosen.sort_by_key(|&number| {
        let Mutant { file, range, name, .. } = &mutants[number];
        (file, range.start, Reverse(range.end), name)
    });
    let result = |number: usize| {
        let mutant = &mutants[number];
        Some((mutant, project.source(&mutant.file), done.remove(&mutant.name)?))
    };
    let trials = chosen.into_iter().filter_map(result).collect();
    let report = Report { trials, reasons, seed: options.seed, dropped: dropped.len() };
    println!("{}", report.text());
    let json = format!("{:#}\n", report.json());
    for path in [Some(&work.join("report.json")), options.json.as_ref()].into_iter().flatten() {
        fs::write(path, &json).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(report.is_good())
}

/// Builds the mutants, and records which tests reach them.
fn prepare(project: &Project, options: &Options, runner: &Runner, mutants: &[Mutant]) -> Result<Prepared, String> {
    println!("== build");
    let (binaries, dropped) = build(project, mutants)?;
    println!("== which tests reach which mutants");
    let (tests, failed) = record(runner, &binaries, &project.skipped, options.jobs)?;
    println!("   {} tests reach one", tests.len());
    for name in failed {
        println!("   left out, since it fails without a mutant: {name}");
    }
    Ok(Prepared { dropped, binaries, tests })
}

/// A number that differs if the mutants or the sources of their files do.
fn key(project: &Project, mutants: &[Mutant]) -> Result<String, String> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |text: &str| {
        for byte in text.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for file in mutants.iter().map(|mutant| &mutant.file).collect::<BTreeSet<_>>() {
        add(&read(&project.root.join(project.source(file)))?);
    }
    mutants.iter().for_each(|mutant| add(&mutant.name));
    Ok(format!("{hash:016x}"))
}

fn save(path: &Path, key: &str, prepared: &Prepared) -> Result<(), String> {
    let binary = |binary: &Binary| json!({ "name": binary.name, "path": binary.path });
    let value = json!({
        "key": key,
        "dropped": prepared.dropped,
        "binaries": prepared.binaries.iter().map(binary).collect::<Value>(),
        "tests": coverage::to_json(&prepared.tests),
    });
    fs::write(path, value.to_string()).map_err(|error| format!("{}: {error}", path.display()))
}

/// What [`save`] has written, if it is of the same mutants and its programs are there.
fn load(path: &Path, key: &str) -> Option<Prepared> {
    let value: Value = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
    let binary = |value: &Value| {
        let path = PathBuf::from(value["path"].as_str()?);
        path.exists().then_some(Binary { name: value["name"].as_str()?.to_owned(), path })
    };
    let number = |value: &Value| Some(value.as_u64()? as usize);
    let prepared = Prepared {
        dropped: value["dropped"].as_array()?.iter().map(number).collect::<Option<_>>()?,
        binaries: value["binaries"].as_array()?.iter().map(binary).collect::<Option<_>>()?,
        tests: coverage::from_json(&value["tests"])?,
    };
    (value["key"] == key).then_some(prepared)
}

/// The results that a run has written, in lines that are whole.
fn trials(path: &Path) -> Result<Vec<(String, Trial)>, String> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = read(path)?;
    let trials = text.lines().filter_map(|line| Trial::from_json(&serde_json::from_str(line).ok()?));
    Ok(trials.map(|trial| (trial.name.clone(), trial)).collect())
}
