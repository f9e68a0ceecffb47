//! Reads tensors from files of every format.

use crate::answer;
use crate::eval::{EVAL, bytes, cross_entropy, error, f64s, huber, i64s, parsed};
use half::f16;
use safetensors::Dtype;

#[test]
fn types_of_the_file() {
    let floats: [(Dtype, Vec<u8>); 4] = [
        (Dtype::F64, bytes(&[0.5, 3.0], f64::to_le_bytes)),
        (Dtype::F32, bytes(&[0.5, 3.0], f32::to_le_bytes)),
        (Dtype::F16, bytes(&[f16::from_f32(0.5), f16::from_f32(3.0)], f16::to_le_bytes)),
        (Dtype::BF16, bytes(&[half::bf16::from_f32(0.5), half::bf16::from_f32(3.0)], half::bf16::to_le_bytes)),
    ];
    for (dtype, bytes) in floats {
        let tensors = [("predictions", dtype, vec![2], bytes), f64s("targets", &[2], &[0.0; 2])];
        assert_eq!(parsed(huber().tensors("in.safetensors", &tensors).run(&format!("{EVAL} --json")))["loss"], 1.3125);
    }
    let integers: [(Dtype, Vec<u8>); 8] = [
        (Dtype::I64, bytes(&[0, 2], i64::to_le_bytes)),
        (Dtype::I32, bytes(&[0, 2], i32::to_le_bytes)),
        (Dtype::I16, bytes(&[0, 2], i16::to_le_bytes)),
        (Dtype::I8, bytes(&[0, 2], i8::to_le_bytes)),
        (Dtype::U64, bytes(&[0, 2], u64::to_le_bytes)),
        (Dtype::U32, bytes(&[0, 2], u32::to_le_bytes)),
        (Dtype::U16, bytes(&[0, 2], u16::to_le_bytes)),
        (Dtype::U8, vec![0, 2]),
    ];
    for (dtype, bytes) in integers {
        let tensors = [f64s("logits", &[2, 3], &[0.0; 6]), ("labels", dtype, vec![2], bytes)];
        let loss = parsed(cross_entropy("", &tensors).run(&format!("{EVAL} --json")))["loss"].as_f64().unwrap();
        assert!((loss - 3_f64.ln()).abs() < 1e-15, "{dtype:?}: {loss}");
    }
}

#[test]
fn a_bad_file_is_an_error() {
    let folder = huber();
    let eval = |file: &str| format!("eval --config loss.toml --input {file}");
    error(&folder, &eval("none.safetensors"), "none.safetensors: No such file or directory (os error 2)");
    error(&folder, &eval("loss.toml"), "loss.toml: not a safetensors file: header too large");
    let folder = folder.tensors("f8.safetensors", &[("predictions", Dtype::F8_E4M3, vec![1], vec![0])]);
    let allowed = "F64, F32, F16, BF16, I64 to I8, U64 to U8, BOOL";
    let message = format!("f8.safetensors: tensor `predictions` has type F8_E4M3, allowed: {allowed}");
    error(&folder, &eval("f8.safetensors"), &message);
}

/// The bytes of an array in NumPy's format.
fn npy(kind: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), bytes].concat()
}

pub(crate) fn logits() -> Vec<u8> {
    npy("<f4", "(2, 3)", &bytes(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], f32::to_le_bytes))
}

pub(crate) fn labels() -> Vec<u8> {
    npy("<i8", "(2,)", &bytes(&[0, 2], i64::to_le_bytes))
}

/// A zip as `numpy.savez` or `numpy.savez_compressed` writes it, with an extra field before each content.
pub(crate) fn npz(files: &[(&str, Vec<u8>)], is_packed: bool) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    let short = |number: usize| u16::try_from(number).unwrap().to_le_bytes().to_vec();
    let long = |number: usize| u32::try_from(number).unwrap().to_le_bytes().to_vec();
    for (name, content) in files {
        let packed = if is_packed { deflated(content) } else { content.clone() };
        let method = short(if is_packed { 8 } else { 0 });
        let begin = zip.len();
        let extra = [short(1), short(16), vec![0; 16]].concat();
        // Fields that the reader ignores are 0: versions, flags, times, checksums.
        zip.extend([b"PK\x03\x04".to_vec(), vec![0; 4], method.clone(), vec![0; 8], vec![0xff; 8]].concat());
        zip.extend([short(name.len()), short(extra.len()), name.as_bytes().to_vec(), extra, packed.clone()].concat());
        directory.extend([b"PK\x01\x02".to_vec(), vec![0; 6], method, vec![0; 8]].concat());
        directory.extend([long(packed.len()), long(content.len()), short(name.len()), vec![0; 12]].concat());
        directory.extend([long(begin), name.as_bytes().to_vec()].concat());
    }
    let (at, size) = (zip.len(), directory.len());
    zip.extend(directory);
    zip.extend([b"PK\x05\x06".to_vec(), vec![0; 4], short(files.len()), short(files.len())].concat());
    zip.extend([long(size), long(at), short(0)].concat());
    zip
}

fn deflated(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn npz_npy_and_safetensors_are_the_same() {
    let tensors = [f64s("logits", &[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), i64s("labels", &[2], &[0, 2])];
    let expected = parsed(cross_entropy("", &tensors).run(&format!("{EVAL} --json")));
    let arrays = [("logits.npy", logits()), ("labels.npy", labels())];
    let folder = cross_entropy("", &tensors)
        .file("stored.npz", npz(&arrays, false))
        .file("packed.npz", npz(&arrays, true))
        .file("logits.npy", logits())
        .file("labels.npy", labels())
        .file("a,b=c.npz", npz(&arrays, false));
    let inputs =
        ["stored.npz", "packed.npz", "logits.npy,labels.npy", "logits=logits.npy,labels=labels.npy", "a,b=c.npz"];
    for input in inputs {
        let json = folder.run(&format!("eval --config loss.toml --json --input {input}"));
        assert_eq!(parsed(json), expected, "{input}");
    }
}

#[test]
fn stdin_is_an_input_or_a_config() {
    let tensors = [f64s("logits", &[2, 3], &[0.0; 6]), i64s("labels", &[2], &[0, 2])];
    let folder = cross_entropy("", &tensors).file("labels.npy", labels());
    let whole = folder.run(EVAL);
    let stdin = |input: &str, bytes: &[u8]| folder.run_with(&format!("eval --config loss.toml --input {input}"), bytes);
    assert_eq!(stdin("-", &folder.read("in.safetensors")), whole);
    assert_eq!(stdin("logits=-,labels=labels.npy", &logits()).code, Some(0));
    let config = folder.run_with("eval --config - --input in.safetensors", &folder.read("loss.toml"));
    assert_eq!(config, whole);
    let both = answer(2, "", "error: stdin is either the config or the tensors\n");
    assert_eq!(folder.run_with("eval --config - --input -", b""), both);
}

#[test]
fn tensors_are_renamed() {
    let tensors = [f64s("input", &[2, 3], &[0.0; 6]), i64s("target", &[2], &[0, 2])];
    let folder = cross_entropy("", &tensors);
    let renamed = folder.run(&format!("{EVAL} --rename input=logits --rename target=labels"));
    let tensors = [f64s("logits", &[2, 3], &[0.0; 6]), i64s("labels", &[2], &[0, 2])];
    assert_eq!(renamed, cross_entropy("", &tensors).run(EVAL));
    let message = "in.safetensors: there is no tensor `x` to rename, only `input`, `target`";
    error(&folder, &format!("{EVAL} --rename x=logits"), message);
    let answer = folder.run(EVAL);
    assert!(answer.stderr.contains("hint: `--rename input=logits` gives the tensor"), "{}", answer.stderr);
}

#[test]
fn a_broken_array_is_an_error() {
    let short = npy("<f4", "(2, 3)", &[0; 8]);
    let folder = huber()
        .file("short.npz", npz(&[("logits.npy", short.clone())], false))
        .file("torch.pt", npz(&[("archive/data.pkl", vec![1, 2, 3])], false))
        .file("cut.npz", &npz(&[("logits.npy", logits())], false)[..90])
        .file("predictions.npy", short)
        .file("text.npy", npy("<U4", "(2,)", &[0; 32]))
        .file("empty.npz", npz(&[], false))
        .file("no.npy", "no array")
        .file("no.npz", "no zip");
    let eval = |input: &str| format!("eval --config loss.toml --input {input}");
    error(&folder, &eval("predictions.npy"), "predictions.npy: the array is cut short");
    error(&folder, &eval("short.npz"), "short.npz: array `logits.npy`: the array is cut short");
    error(&folder, &eval("cut.npz"), "cut.npz: the zip is cut short");
    let kinds = "text.npy: has type <U4, allowed: f8, f4, f2, i8 to i1, u8 to u1, b1";
    error(&folder, &eval("text.npy"), kinds);
    let torch =
        "torch.pt: `archive/data.pkl` in it is no array: files of torch.save are not read, those of numpy.savez are";
    error(&folder, &eval("torch.pt"), torch);
    error(&folder, &eval("no.npy"), "no.npy: not an array of NumPy");
    error(&folder, &eval("predictions=no.npy"), "no.npy: not an array of NumPy");
    error(&folder, &eval("no.npz"), "no.npz: not a file of numpy.savez");
    let names = "`predictions`, `targets`, `weights`, `mask`";
    error(
        &folder,
        &eval("empty.npz"),
        &format!("empty.npz: huber: tensor `predictions` is missing, expected: {names}"),
    );
}

#[test]
fn a_tensor_twice_is_an_error() {
    let folder = huber().file("predictions.npy", npy("<f8", "(1, 2)", &[0; 16]));
    let message = "in.safetensors,predictions.npy: tensor `predictions` is there twice";
    error(&folder, "eval --config loss.toml --input in.safetensors,predictions.npy", message);
}
