//! Tensors for a loss, as its signature describes them or nearly so, and the files that hold them.

use super::random::Random;
use burn::tensor::{DType, TensorData};
use burn_losses::AnyLoss;
use burn_losses::eval::Inputs;
use burn_losses::signature::{Argument, Kind, Role, Shape};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::io::Write;

/// Tensors for one of the ways to call a loss. Some have another shape, another type or odd numbers.
pub(super) fn of_loss(random: &mut Random, loss: &AnyLoss) -> Inputs {
    let signatures = loss.signatures();
    let signature = random.choose(&signatures);
    let prediction = shape_of_prediction(random, &signature[0]);
    let mut inputs = Inputs::new();
    for argument in signature {
        if !argument.optional || random.one_in(2) {
            inputs.insert(argument.name.to_owned(), tensor(random, argument, &prediction));
        }
    }
    if random.one_in(3) {
        spoil(random, &mut inputs);
    }
    inputs
}

fn shape_of_prediction(random: &mut Random, argument: &Argument) -> Vec<usize> {
    let mut side = |least: usize| least + random.below(4);
    match &argument.shape {
        Shape::Axes(least, most) => {
            let axes = side(*least).clamp(*least, *most);
            (0..axes).map(|_| side(1)).collect()
        }
        Shape::Parameters(number) => vec![side(1), *number],
        // Large windows take as long as large images do.
        Shape::Pictures(least) => vec![1, 1, side(*least).min(40), side(*least).min(40)],
        Shape::Exactly(shape) => shape.clone(),
        _ => vec![side(1), side(1), side(1)],
    }
}

fn tensor(random: &mut Random, argument: &Argument, prediction: &[usize]) -> TensorData {
    let rows = prediction.first().copied().unwrap_or(1);
    let shape = argument.shape.resolve(prediction).unwrap_or_else(|| match argument.shape {
        Shape::Rows(axes) | Shape::Axes(axes, _) if argument.role != Role::Prediction => {
            (0..axes).map(|axis| if axis == 0 { rows } else { 1 + random.below(4) }).collect()
        }
        _ => prediction.to_vec(),
    });
    let count: usize = shape.iter().product();
    match argument.kind {
        Kind::Labels { classes, .. } => {
            let classes = classes.number(prediction).unwrap_or(4);
            TensorData::new((0..count).map(|_| random.below(classes) as i64).collect::<Vec<_>>(), shape)
        }
        Kind::Mask => TensorData::new((0..count).map(|_| !random.one_in(3)).collect::<Vec<_>>(), shape),
        Kind::Float => {
            let is_unit = argument.role != Role::Prediction || argument.name.contains("probabilities");
            let scale = *random.choose(&[1.0, 1.0, 20.0, 1e4]);
            let mut number = || if is_unit { 0.5 + 0.5 * random.number() } else { scale * random.number() };
            TensorData::new((0..count).map(|_| number()).collect::<Vec<_>>(), shape)
        }
    }
}

/// Changes one tensor.
fn spoil(random: &mut Random, inputs: &mut Inputs) {
    let names: Vec<_> = inputs.keys().cloned().collect();
    let name = random.choose(&names).clone();
    let data = inputs[&name].clone();
    match random.below(8) {
        0 => _ = inputs.remove(&name),
        1 => {
            let other = random.choose(&names).clone();
            inputs.insert(other, data);
        }
        2 => _ = inputs.insert("surplus".to_owned(), data),
        3 => {
            let mut shape = data.shape().to_vec();
            for _ in 0..1 + random.below(2) {
                let at = random.below(shape.len() + 1);
                match (random.below(3), shape.get_mut(at)) {
                    (0, _) => shape.insert(at, random.below(3)),
                    (1, Some(_)) => _ = shape.remove(at),
                    (_, Some(side)) => *side = random.below(5),
                    _ => {}
                }
            }
            let numbers: Vec<f64> = data.iter().chain([0.0]).collect();
            let count = shape.iter().product();
            let numbers = numbers.into_iter().cycle().take(count).collect::<Vec<_>>();
            inputs.insert(name, converted(numbers, shape, data.dtype()));
        }
        4 => {
            let dtype =
                *random.choose(&[DType::F64, DType::F32, DType::F16, DType::BF16, DType::I64, DType::I8, DType::U64]);
            inputs.insert(name, converted(data.iter().collect(), data.shape().to_vec(), dtype));
        }
        _ => {
            const ODD: [f64; 12] =
                [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, -1.0, 1.0, 2.0, -100.0, 255.0, 1e300, 5e-324];
            let odd = *random.choose(&ODD);
            let all = random.one_in(4);
            let numbers: Vec<f64> = data.iter().map(|x| if all || random.one_in(3) { odd } else { x }).collect();
            inputs.insert(name, converted(numbers, data.shape().to_vec(), data.dtype()));
        }
    }
}

/// Numbers as a tensor of a type; what an integer cannot be becomes the nearest one that it can be.
fn converted(numbers: Vec<f64>, shape: Vec<usize>, dtype: DType) -> TensorData {
    match dtype {
        DType::I64 => TensorData::new(numbers.into_iter().map(|x| x as i64).collect(), shape),
        DType::U64 => TensorData::new(numbers.into_iter().map(|x| x as u64).collect(), shape),
        dtype if dtype.is_float() => TensorData::new(numbers, shape).convert_dtype(dtype),
        dtype if dtype.is_uint() => {
            TensorData::new(numbers.into_iter().map(|x| x as u8).collect(), shape).convert_dtype(dtype)
        }
        dtype if dtype.is_int() => {
            TensorData::new(numbers.into_iter().map(|x| x as i8).collect(), shape).convert_dtype(dtype)
        }
        _ => TensorData::new(numbers.into_iter().map(|x| x != 0.0).collect(), shape),
    }
}

/// Any tensors.
pub(super) fn any(random: &mut Random) -> Inputs {
    let mut inputs = Inputs::new();
    for _ in 0..1 + random.below(3) {
        let shape: Vec<usize> = (0..random.below(4)).map(|_| random.below(4)).collect();
        let count = shape.iter().product();
        let dtypes = [DType::F64, DType::F32, DType::F16, DType::BF16, DType::I64, DType::I32, DType::U8, DType::U64];
        let numbers = (0..count).map(|_| 100.0 * random.number()).collect::<Vec<_>>();
        let data = converted(numbers, shape, *random.choose(&dtypes));
        inputs.insert((*random.choose(&["logits", "labels", "targets", "a", "\u{e9}"])).to_owned(), data);
    }
    inputs
}

/// A safetensors file.
pub(super) fn safetensors(inputs: &Inputs) -> Vec<u8> {
    let dtype = |data: &TensorData| match data.dtype() {
        DType::F64 => Dtype::F64,
        DType::F32 => Dtype::F32,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::I64 => Dtype::I64,
        DType::I32 => Dtype::I32,
        DType::I16 => Dtype::I16,
        DType::I8 => Dtype::I8,
        DType::U64 => Dtype::U64,
        DType::U32 => Dtype::U32,
        DType::U16 => Dtype::U16,
        DType::U8 => Dtype::U8,
        _ => Dtype::BOOL,
    };
    let views = inputs.iter().map(|(name, data)| {
        let view = TensorView::new(dtype(data), data.shape().to_vec(), data.as_bytes());
        (name.as_str(), view.expect("as many bytes as the shape says"))
    });
    safetensors::serialize(views, None).expect("tensors can be written")
}

/// An array of NumPy.
pub(super) fn npy(random: &mut Random, data: &TensorData) -> Vec<u8> {
    let kind = match data.dtype() {
        // NumPy does not have it.
        DType::BF16 => 'V',
        dtype if dtype.is_float() => 'f',
        dtype if dtype.is_uint() => 'u',
        dtype if dtype.is_int() => 'i',
        _ => 'b',
    };
    let size = data.dtype().size();
    let order = random.choose(&["<", ">", "|", "="]);
    let is_fortran = if random.one_in(3) { "True" } else { "False" };
    let mut sides = data.shape().to_vec();
    if random.one_in(6) {
        let at = random.below(sides.len() + 1);
        sides.insert(at, odd_size(random, 1));
    }
    let axes: String = sides.iter().map(|size| format!("{size}, ")).collect();
    let header = format!("{{'descr': '{order}{kind}{size}', 'fortran_order': {is_fortran}, 'shape': ({axes}), }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data.as_bytes()].concat()
}

/// A zip of arrays.
pub(super) fn npz(random: &mut Random, inputs: &Inputs) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    let short = |number: usize| (number as u16).to_le_bytes();
    let long = |number: usize| (number as u32).to_le_bytes();
    for (name, data) in inputs {
        let (name, content) = (format!("{name}.npy"), npy(random, data));
        let is_packed = random.one_in(2);
        let packed = if is_packed { deflated(&content) } else { content.clone() };
        let method = short(if is_packed { 8 } else { 0 });
        let begin = zip.len();
        zip.extend([b"PK\x03\x04", &[0; 4][..], &method, &[0; 16], &short(name.len()), &[0; 2]].concat());
        zip.extend([name.as_bytes(), &packed].concat());
        // Of a large file, the numbers stand in an extra field.
        let is_large = random.one_in(4);
        let mut extra = Vec::new();
        if is_large {
            let numbers = [content.len(), packed.len(), begin].map(|number| odd_size(random, number).to_le_bytes());
            extra.extend([&short(1)[..], &short(24), &numbers.concat()].concat());
        }
        let field = |number: usize| long(if is_large { u32::MAX as usize } else { number });
        let sizes = [field(packed.len()), field(content.len())].concat();
        let lengths = [short(name.len()), short(extra.len())].concat();
        directory.extend([b"PK\x01\x02", &[0; 6][..], &method, &[0; 8], &sizes, &lengths].concat());
        directory.extend([&[0; 10][..], &field(begin), name.as_bytes(), &extra].concat());
    }
    let (at, size, count) = (zip.len(), directory.len(), short(inputs.len()));
    zip.extend(directory);
    zip.extend([b"PK\x05\x06", &[0; 4][..], &count, &count, &long(size), &long(at), &[0; 2]].concat());
    zip
}

/// This size, or one that no file has.
fn odd_size(random: &mut Random, size: usize) -> usize {
    *random.choose(&[size, size, size, size + 1, 0, 1 << 32, 1 << 62, isize::MAX as usize, usize::MAX - 40, usize::MAX])
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}
