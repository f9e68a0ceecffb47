"""The PyTorch side of `cargo xtask bench`: times each loss as a practitioner would write it with PyTorch.

The benchmark starts `python reference/bench_torch.py --threads 2` and asks for one case at a time, so that its own runs
and PyTorch's take turns on the same machine. A request is a line of JSON on stdin, its answer a line of JSON on stdout:

    {"name": "binary/focal", "rows": 131072, "columns": 80, "runs": 5, "compile": true}
    {"name": "binary/focal", "eager_ms": 12.3, "compiled_ms": 4.5, "eager_peak_bytes": 123}

A time is the median of forward and backward passes of the mean, in float32, after two that warm up: at least `runs`, and
as many as fill half a second.
`compiled_ms` is that of `torch.compile`: null where it is not asked for, or fails; then `compile_error` says why.
`eager_peak_bytes` is the most memory that PyTorch's allocator gave out in one eager pass, the gradients included, the
inputs not. A loss without a twin here has null for all three. The program ends with its stdin. With `--device cuda` all tensors
are on the GPU, and a pass is timed from an idle device to an idle device.

    python reference/bench_torch.py --threads 2 --list          the names that have a twin

The losses are in the package `bench_twins`.
"""

import argparse
import json
import os
import statistics
import sys
import time

import torch
import torch._inductor.config
from torch.profiler import ProfilerActivity, profile

from bench_twins import TWINS

WARM_UPS = 2
LEAST_SECONDS = 0.5


def wait(leaves):
    """Waits for the GPU, if the tensors are there."""
    if leaves[0].is_cuda:
        torch.cuda.synchronize()


def step(loss, leaves, constants):
    """One forward and backward pass: the seconds it takes."""
    for leaf in leaves:
        leaf.grad = None
    wait(leaves)
    start = time.perf_counter()
    loss(*leaves, *constants).backward()
    wait(leaves)
    return time.perf_counter() - start


def median_ms(runs, *case):
    for _ in range(WARM_UPS):
        step(*case)
    times = []
    while len(times) < runs or sum(times) < LEAST_SECONDS:
        times.append(step(*case))
    return 1e3 * statistics.median(times)


def peak_bytes(loss, leaves, constants):
    """The highest sum of what the allocator gave out and took back."""
    for leaf in leaves:
        leaf.grad = None
    if leaves[0].is_cuda:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step(loss, leaves, constants)
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step(loss, leaves, constants)
    events = profiler.profiler.kineto_results.events()
    held = peak = 0
    for event in sorted((event for event in events if event.name() == "[memory]"), key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def measure(name, rows, columns, runs, compile):
    answer = {"name": name, "eager_ms": None, "compiled_ms": None, "eager_peak_bytes": None}
    if name not in TWINS:
        return answer
    inputs, loss = TWINS[name]
    torch.manual_seed(0)
    leaves, constants = inputs(rows, columns)
    for leaf in leaves:
        leaf.requires_grad_()
    answer["eager_ms"] = median_ms(runs, loss, leaves, constants)
    answer["eager_peak_bytes"] = peak_bytes(loss, leaves, constants)
    if compile:
        torch._dynamo.reset()
        try:
            answer["compiled_ms"] = median_ms(runs, torch.compile(loss, dynamic=False), leaves, constants)
        except Exception as error:  # a missing C++ compiler, or an operator that Inductor cannot lower
            answer["compile_error"] = str(error).strip().partition("\n")[0]
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, required=True, help="for PyTorch's operators")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--list", action="store_true", help="print the names that have a twin, and end")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("PyTorch has no CUDA here")
    if options.list:
        print("\n".join(TWINS))
        return
    if options.device != "cpu":  # it costs each operator a microsecond
        torch.set_default_device(options.device)
    torch.set_num_threads(options.threads)
    torch._inductor.config.compile_threads = 1  # no workers in the background
    # Only answers go to stdout; what libraries and compilers print goes to stderr.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        print(json.dumps(measure(**json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
