"""Writes the golden files: values and gradients of every loss, from independent libraries, in f64.

    python reference/golden.py                  write crates/burn-losses/tests/golden/<family>/<kind>.json
    python reference/golden.py --check          write nothing; exit 1 if a committed file differs
    python reference/golden.py binary/focal     only this one
"""

import argparse
import json
import sys
from pathlib import Path

from case import KINDS
from families import (  # noqa: F401
    binary,
    boxes,
    classification,
    distribution,
    generative,
    heads,
    likelihood,
    image,
    margins,
    memory,
    metric,
    preference,
    ranking,
    regression,
    sampled,
    segmentation,
    sequence,
    self_supervised,
    sums,
    vectors,
    views,
)
from files import differences, dump

ROOT = Path(__file__).resolve().parent.parent / "crates/burn-losses/tests/golden"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="FAMILY/KIND", help="default: all")
    parser.add_argument("--check", action="store_true", help="compare with the committed files instead of writing")
    options = parser.parse_args()
    known = {f"{kind.family}/{kind.kind}": kind for kind in KINDS}
    if unknown := set(options.names) - set(known):
        parser.error(f"no such loss: {', '.join(sorted(unknown))}")

    failed = False
    for name in options.names or known:
        document, path = known[name].document(), ROOT / f"{name}.json"
        found = differences(document, json.loads(path.read_text())) if path.exists() else ["the file is missing"]
        if not options.check:
            if not found:  # another CPU's last bits are no change
                print(f"{name}: as it was")
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dump(document))
            print(f"{name}: {len(document['cases'])} cases, {path.stat().st_size} bytes")
            continue
        for line in found[:5]:
            print(f"{name}: {line}")
        failed |= bool(found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
