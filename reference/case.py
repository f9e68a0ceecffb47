"""A golden case: draw the inputs, ask the oracle, reduce, differentiate, record."""

import inspect
import zlib
from importlib.metadata import version

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import torch

jax.config.update("jax_enable_x64", True)
torch.set_default_dtype(torch.float64)
mpmath.mp.dps = 60

KINDS: list["Kind"] = []


class Kind:
    """One loss, hence one golden file.

    `oracle` maps the inputs (tensors, by name) and the config's fields (by name) to the unreduced values, or to
    (values, rows), where `rows` says how much each value adds to the divisor of `mean` (1 unless said: a class weight,
    0 for an ignored row). A class is an oracle with state: made from the config, then called once per step.
    `constant` names inputs that get no gradient. `positive` says of targets and the config's fields which of the targets are
    positive, where these are not those above 0.5.
    """

    def __init__(self, family: str, kind: str, oracle, constant=(), positive=lambda targets, **fields: targets > 0.5):
        self.family, self.kind, self.oracle, self.constant = family, kind, oracle, tuple(constant)
        self.positive = positive
        self.recorded: dict[str, tuple] = {}
        KINDS.append(self)

    def case(self, name: str, config: dict, inputs, weights=None, oracle=None, constant=(), in_double=False) -> None:
        """Adds a case.

        config   the fields that differ from the default, as a config file spells them, `reduction` among them
        inputs   a recipe from `Draw` to named arrays, or one recipe per step
        weights  None, "element" (one per value), "sample" (one per index of axis 0), or the numbers themselves
        oracle   another oracle than the loss's own
        in_double  whether the case is compared in double precision alone: rounding its inputs to single precision, or a sum in it,
                   changes the results by more than a test in single precision allows
        """
        assert name not in self.recorded, name
        steps = inputs if isinstance(inputs, list) else [inputs]
        self.recorded[name] = (config, steps, weights, oracle or self.oracle, self.constant + tuple(constant), in_double)

    def document(self) -> dict:
        return {"family": self.family, "kind": self.kind, "cases": [self._run(name) for name in self.recorded]}

    def _run(self, name: str) -> dict:
        config, steps, weights, oracle, constant, in_double = self.recorded[name]
        draw = Draw(f"{self.family}/{self.kind}/{name}")
        fields = {key: value for key, value in config.items() if key != "reduction"}
        apply = oracle(**fields) if inspect.isclass(oracle) else lambda **inputs: oracle(**inputs, **fields)
        reduction = config.get("reduction", "mean")
        count = lambda targets: self.positive(targets, **fields).sum().item()  # noqa: E731
        return {
            "name": name,
            "oracle": oracle.title,
            "config": config,
            **({"in_double": True} if in_double else {}),
            "steps": [_step(apply, draw, recipe, weights, (reduction, count), constant) for recipe in steps],
        }


def _step(apply, draw, recipe, weights, reduction, constant) -> dict:
    inputs = {key: torch.from_numpy(np.array(array)) for key, array in recipe(draw).items()}
    leaves = {key: x for key, x in inputs.items() if x.is_floating_point() and key not in constant}
    for leaf in leaves.values():
        leaf.requires_grad_()
    values, rows = with_rows(apply(**inputs))
    if weights is not None:
        leaves["weights"] = inputs["weights"] = torch.from_numpy(draw.weights(weights, values.shape)).requires_grad_()
    loss = reduce(values, rows, inputs.get("weights"), reduction, inputs.get("targets"))
    gradients = torch.autograd.grad(loss, list(leaves.values())) if leaves else []
    return {
        "inputs": {key: record(x) for key, x in inputs.items()},
        "loss": loss.item() + 0.0,
        "unreduced": record(values),
        "gradients": {key: record(gradient) for key, gradient in zip(leaves, gradients)},
    }


def with_rows(result):
    return result if isinstance(result, tuple) else (result, torch.ones_like(result).detach())


def reduce(values, rows, weights, reduction, targets):
    """The reduced loss, by definition. The divisor is a constant: no gradient. The mean of no values is 0."""
    reduction, positives = reduction
    weights = torch.ones_like(values).detach() if weights is None else weights
    divisor = {
        "sum": lambda: 1,
        "mean": lambda: rows.sum().detach(),
        "batch_mean": lambda: values.shape[0],
        "weighted_mean": lambda: (weights * rows).sum().detach(),
        "positives": lambda: max(1, positives(targets)),
    }[reduction]()
    total = (weights * values).sum()
    return total / divisor if divisor > 0 else total * 0


def record(x: torch.Tensor) -> dict:
    x = x.detach()
    assert torch.isfinite(x).all(), x
    data = x.flatten() + 0.0 if x.is_floating_point() else x.flatten()  # + 0.0: no negative zeros
    return {"shape": list(x.shape), "data": data.tolist()}


class Draw:
    """Random arrays, seeded by a name and rounded to four decimals, so that the files stay readable."""

    def __init__(self, name: str):
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))

    def normal(self, shape, scale=2.0):
        return np.round(self.rng.normal(0, scale, shape), 4)

    def uniform(self, low, high, shape):
        return np.round(self.rng.uniform(low, high, shape), 4)

    def sign(self, shape):
        """As many +1 as -1 (or one more), shuffled."""
        count = int(np.prod(shape))
        return self.rng.permutation(np.resize([1.0, -1.0], count)).reshape(shape)

    def labels(self, classes, shape):
        return self.rng.integers(0, classes, shape)

    def probabilities(self, shape):
        """Along axis 1, with a sum of exactly one."""
        q = np.round(self.rng.dirichlet(np.ones(shape[1]) * 2, shape[:1] + shape[2:]), 2)
        q[..., 0] = np.round(1 - q[..., 1:].sum(-1), 2)
        return np.moveaxis(q, -1, 1)

    def weights(self, weights, shape):
        if weights == "sample":
            shape = (shape[0],) + (1,) * (len(shape) - 1)
        elif weights != "element":
            return np.array(weights, dtype=float)
        drawn = self.uniform(0.1, 2.0, shape)
        if drawn.size > 2:
            drawn.flat[1] = 0.0
        return drawn


def given(**arrays):
    """A recipe: these very numbers."""
    return lambda draw: {key: np.array(array) for key, array in arrays.items()}


# Oracles


def library(package: str, name: str):
    """Marks an oracle that calls the function `name` of a pinned package."""
    return _titled(f"{package} {version(package).split('+')[0]} {name}")


def formula(source: str):
    """Marks an oracle that writes the textbook formula down, differentiated by torch."""
    return _titled(f"f64 formula ({source}), torch autograd")


def digits(source: str):
    """Marks an oracle that evaluates and differentiates the textbook formula in 60 digits."""
    return _titled(f"mpmath {version('mpmath')} in 60 digits, formula ({source})")


def _titled(title: str):
    def mark(oracle):
        oracle.title = title
        return oracle

    return mark


def agree(one, other, rtol=1e-11, atol=1e-13) -> None:
    """Two libraries say the same."""
    one, other = (np.asarray(x.detach() if isinstance(x, torch.Tensor) else x) for x in (one, other))
    np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)


def array(x: torch.Tensor):
    """For jax, scikit-learn and statsmodels."""
    return x.detach().numpy()


def from_jax(function, *tensors):
    """A function of jax arrays, with its own derivative, as a torch operation."""

    class Bridge(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            values, ctx.pullback = jax.vjp(function, *(jnp.asarray(array(x)) for x in tensors))
            return torch.from_numpy(np.array(values))

        @staticmethod
        def backward(ctx, upstream):
            return tuple(torch.from_numpy(np.array(x)) for x in ctx.pullback(jnp.asarray(array(upstream))))

    return Bridge.apply(*tensors)


def from_mpmath(functions, arguments, constant=()):
    """Row i of `arguments` [M, K] through `functions[i]`, a function of K mpmath numbers: [M], with its derivative.

    `constant` lists the columns that are not differentiated.
    """

    def partial(function, row, column):
        if column in constant:
            return 0.0
        order = tuple(int(i == column) for i in range(len(row)))
        return float(mpmath.chop(mpmath.diff(function, row, order), 1e-30))

    class Bridge(torch.autograd.Function):
        @staticmethod
        def forward(ctx, arguments):
            rows = [tuple(map(mpmath.mpf, row)) for row in arguments.tolist()]
            ctx.partials = torch.tensor([[partial(f, x, k) for k in range(len(x))] for f, x in zip(functions, rows)])
            return torch.tensor([float(f(*x)) for f, x in zip(functions, rows)])

        @staticmethod
        def backward(ctx, upstream):
            return upstream[:, None] * ctx.partials

    return Bridge.apply(arguments)


def from_mpmath_pointwise(function, *tensors):
    """A function of single numbers, applied element by element."""
    arguments = torch.stack([x.flatten() for x in tensors], dim=1)
    constant = [k for k, x in enumerate(tensors) if not x.requires_grad]
    return from_mpmath([function] * len(arguments), arguments, constant).reshape(tensors[0].shape)
