"""Computes the coefficients of `crates/burn-losses/src/engine/host/simd/coefficients.rs`.

Each polynomial goes through the function's values at the Chebyshev nodes of the interval, in 200 bits; its error, relative to the
function that is made of it, is printed.

    python reference/polynomials.py
"""

import mpmath as mp

mp.mp.prec = 200


def through_chebyshev_nodes(f, low, high, count):
    """The coefficients, from the constant on."""
    angles = [mp.pi * (2 * k + 1) / (2 * count) for k in range(count)]
    nodes = [(low + high) / 2 + (high - low) / 2 * mp.cos(angle) for angle in angles]
    powers = mp.matrix([[node**j for j in range(count)] for node in nodes])
    return list(mp.lu_solve(powers, mp.matrix([f(node) for node in nodes])))


def report(name, f, low, high, relative, counts):
    for count in counts:
        coefficients = through_chebyshev_nodes(f, low, high, count)
        points = [low + (high - low) * i / 2000 for i in range(2001)]
        errors = [abs((mp.polyval(coefficients[::-1], x) - f(x)) * relative(x)) for x in points if x]
        print(f"{name}, {count} coefficients, error 2^{float(mp.log(max(errors), 2)):.1f}")
        for coefficient in coefficients:
            print("   ", mp.nstr(coefficient, 17))


def of_square(function):
    """(function(t) - t) / t^3 as a function of z = t^2."""
    return lambda z: (function(mp.sqrt(z)) - mp.sqrt(z)) / mp.sqrt(z) ** 3 if z else mp.mpf(-1) / 3


def ln_rest(f):
    return (mp.log1p(f) - f + f * f / 2) / f**3 if f else mp.mpf(1) / 3


report("ln", ln_rest, mp.sqrt(0.5) - 1, mp.sqrt(2) - 1, lambda f: f**3 / mp.log1p(f), (9, 22))
for name, function, end, counts in [
    ("atan", mp.atan, mp.tan(mp.pi / 8), (5, 12)),
    ("tanh", mp.tanh, mp.mpf("0.55"), (5, 12)),
]:
    relative = lambda z, function=function: mp.sqrt(z) ** 3 / function(mp.sqrt(z))
    report(name, of_square(function), mp.mpf(0), end**2, relative, counts)
