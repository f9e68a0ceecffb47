"""Runs a loss of PyTorch and a config of burn-losses on your batch, and prints how they differ.

    python reference/compare.py torch.nn.HuberLoss loss.toml batch.npz --set delta=0.5
    python reference/compare.py torch.nn.functional.cross_entropy loss.toml batch.safetensors --set label_smoothing=0.1
    python reference/compare.py torchvision.ops.sigmoid_focal_loss loss.toml batch.npz --set reduction=mean --rtol 1e-6

The batch (.safetensors, .npz) has tensors by the names of burn-losses, such as `logits` and `labels`: `burn-losses explain KIND`
lists them. They are handed to the loss of PyTorch in the order of --arguments; without it, the predictions come first, then the
targets. Other tensors of the batch are left out. Floats are computed in double precision. What is compared is the value and its
gradient with respect to the first argument (or those of --gradients), by `burn-losses compare`. Its options are taken too. Its
exit code is that of this program: 0 where all agree, 1 where something differs.

LOSS is a class, which is made with the values of --set, or a function, which is called with them. The program needs PyTorch,
safetensors and, for .npz, NumPy. --command says how to run burn-losses: without it, the command that is installed, or else cargo.
Exit code 2 means that nothing could be compared.
"""

import argparse
import ast
import importlib
import inspect
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

# What is predicted, and what is true, in the order in which losses take it.
PREDICTIONS = ["logits", "predictions", "log_probabilities", "probabilities", "embeddings", "anchors", "positives", "negatives",
               "first", "second", "scores"]
TARGETS = ["targets", "labels", "masks", "dissimilar", "order", "relevance"]


def fail(message):
    """Ends the program: nothing could be compared."""
    print(message, file=sys.stderr)
    sys.exit(2)


def batch_of(path):
    """The tensors of a file."""
    if path.endswith(".npz"):
        import numpy

        arrays = numpy.load(path).items()
        tensors = {name: torch.from_numpy(array.astype(array.dtype.newbyteorder("="))) for name, array in arrays}
    else:
        tensors = load_file(path)
    return {name: widened(tensor) for name, tensor in tensors.items()}


def widened(tensor):
    """Floats in double precision, and integers as PyTorch wants labels."""
    if tensor.dtype == torch.bool:
        return tensor
    return tensor.double() if tensor.is_floating_point() else tensor.long()


def attribute(path):
    """What a path such as `torch.nn.HuberLoss` names."""
    module, _, name = path.rpartition(".")
    if not module:
        fail(f"`{path}` is not a path such as `torch.nn.HuberLoss`")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        fail(f"`{path}`: {error}")


def setting(text):
    """`delta=0.5` as a name and a value; a list is a tensor, as for the weights of classes."""
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError("expected NAME=VALUE")
    try:
        value = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        pass  # a word
    return name, torch.tensor(value, dtype=torch.float64) if isinstance(value, list) else value


def names_of(given, batch):
    """The arguments in their order, all of which the batch has."""
    names = given.split(",") if given else [name for name in PREDICTIONS + TARGETS if name in batch]
    missing = [name for name in names if name not in batch]
    if missing or not names:
        fail(f"the batch has {', '.join(batch)}, but not {', '.join(missing) or 'what a loss takes: say --arguments'}")
    return names


def command_of(given):
    if given:
        return shlex.split(given)
    if shutil.which("burn-losses"):
        return ["burn-losses"]
    manifest = Path(__file__).parent.parent / "Cargo.toml"
    return ["cargo", "run", "--quiet", "--manifest-path", str(manifest), "-p", "burn-losses-cli", "--"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("loss", metavar="LOSS", help="the path of a class or a function, such as torch.nn.HuberLoss")
    parser.add_argument("config", metavar="CONFIG", help="the config of burn-losses (.toml, .json, .yaml)")
    parser.add_argument("batch", metavar="BATCH", help="the tensors (.safetensors, .npz)")
    parser.add_argument("--set", action="append", default=[], type=setting, metavar="NAME=VALUE", help="an argument of LOSS")
    parser.add_argument("--arguments", metavar="NAMES", help="the tensors in the order in which LOSS takes them: a,b,..")
    parser.add_argument("--gradients", metavar="NAMES", help="the tensors whose gradients are compared [default: the first]")
    parser.add_argument("--command", metavar="COMMAND", help="how to run burn-losses")
    # The rest goes to `burn-losses compare`: --rtol, --atol, --family, --at, --json, ..
    options, others = parser.parse_known_args()

    batch = batch_of(options.batch)
    names = names_of(options.arguments, batch)
    leaves = options.gradients.split(",") if options.gradients else names[:1]
    for name in leaves:
        if name not in names or not batch[name].is_floating_point():
            fail(f"there is no gradient with respect to `{name}`")
        batch[name].requires_grad_(True)

    loss, settings = attribute(options.loss), dict(options.set)
    tensors = [batch[name] for name in names]
    try:
        value = loss(**settings)(*tensors) if inspect.isclass(loss) else loss(*tensors, **settings)
    except Exception as error:
        fail(f"{options.loss} of {', '.join(names)}: {error}; --arguments says which tensors it takes, and in which order")
    if value.numel() != 1:
        fail(f"the loss has the shape {list(value.shape)}: set its reduction, for instance --set reduction=mean")
    value.sum().backward()

    results = {name: batch[name].detach().contiguous() for name in names}
    results["loss"] = value.detach().double().reshape(1)
    for name in leaves:
        gradient = batch[name].grad
        results[f"gradient.{name}"] = (torch.zeros_like(batch[name]) if gradient is None else gradient).detach().contiguous()
    with tempfile.TemporaryDirectory() as folder:
        both = str(Path(folder) / "both.safetensors")
        save_file(results, both)
        command = command_of(options.command) + ["compare", "--config", options.config, "--input", both, *others]
        sys.exit(subprocess.run(command).returncode)


if __name__ == "__main__":
    main()
