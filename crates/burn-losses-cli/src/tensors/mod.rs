//! Named tensors from files: safetensors, npz and npy.

mod npy;
mod npz;
mod safetensors;

use crate::error::Error;
use burn_losses::eval::Inputs;
use std::io::Read;
use std::path::Path;

pub(crate) use self::safetensors::write;

/// The help of options that take tensors.
pub(crate) const HELP: &str = "\
Tensors named like the arguments of the loss: .safetensors, .npz, `-` for stdin, or arrays as `logits=a.npy,labels=b.npy`; \
repeat --input for several batches";

/// Reads the tensors of one batch: files separated by commas, each with an optional name in front.
pub(crate) fn read(batch: &str) -> Result<Inputs, Error> {
    if Path::new(batch).exists() {
        return read_file(batch, None);
    }
    let mut inputs = Inputs::new();
    for part in batch.split(',') {
        let (name, file) = match part.split_once('=') {
            Some((name, file)) => (Some(name), file),
            None => (None, part),
        };
        for (name, data) in read_file(file, name)? {
            if inputs.insert(name.clone(), data).is_some() {
                return Err(Error::Option(format!("{batch}: tensor `{name}` is there twice")));
            }
        }
    }
    Ok(inputs)
}

/// Reads one file.
fn read_file(file: &str, name: Option<&str>) -> Result<Inputs, Error> {
    let error = |problem: String| Error::file(if file == "-" { "stdin" } else { file }, problem);
    let bytes = bytes(file).map_err(|source| error(source.to_string()))?;
    let stem = Path::new(file).file_stem().and_then(|stem| stem.to_str()).filter(|stem| *stem != "-");
    // The first bytes tell the format, but an error is of the format that the name promises.
    let is_no = |end: &str, is: fn(&[u8]) -> bool| {
        Path::new(file).extension().is_some_and(|extension| extension == end) && !is(&bytes)
    };
    of_bytes(&bytes, name, stem).map_err(|problem| match problem {
        _ if is_no("npy", npy::is) => error("not an array of NumPy".to_owned()),
        _ if is_no("npz", npz::is) => error("not a file of numpy.savez".to_owned()),
        problem => error(problem),
    })
}

/// Reads the content of a file. The first bytes tell the format. An array has no name of its own: it has the given one, or else that
/// of the file.
pub(crate) fn of_bytes(bytes: &[u8], given: Option<&str>, stem: Option<&str>) -> Result<Inputs, String> {
    if npy::is(bytes) {
        let name = given.or(stem).ok_or("an array needs a name: `logits=-`")?;
        return Ok(Inputs::from([(name.to_owned(), npy::read(bytes)?)]));
    }
    if given.is_some() {
        return Err("only an array (.npy) is given a name so; others have names".to_owned());
    }
    if npz::is(bytes) { npz::read(bytes) } else { safetensors::read(bytes) }
}

fn bytes(file: &str) -> std::io::Result<Vec<u8>> {
    if file != "-" {
        return std::fs::read(file);
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}
