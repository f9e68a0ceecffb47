"""The losses as a practitioner would write them with PyTorch, for `bench_torch.py`.

The fields are the defaults of burn-losses, but for `metric/triplet` (mining `hard`) and `segmentation/lovasz`
(activation `sigmoid`). A loss with state is at its first step and does not save the state. Shapes follow from the rows
and columns that the benchmark asks for; where these leave a choice, it is that of the benchmark's own cases, in
`crates/burn-losses/benches/losses`.
"""

# The twins of each family: by name, how the inputs are drawn (those that are differentiated, and the others), and the
# loss, a function of them all.

TWINS = {}


def family(name, inputs, **losses):
    """`losses`: a function each, or a pair of other inputs than the family's and a function."""
    for kind, loss in losses.items():
        TWINS[f"{name}/{kind}"] = loss if isinstance(loss, tuple) else (inputs, loss)


def hardest(values, share=0.25):
    return values.topk(int(share * len(values) + 0.5)).values.mean()


# Each module adds its twins.
from bench_twins import batches, boxes, classes, elements, heads, images, metric, sequences  # noqa: E402, F401
