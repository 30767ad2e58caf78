"""Fused multiply-add on float32 arrays, rounded once, where numpy has none.

The product of two float32 is exact in float64. Its sum with the third is rounded to odd, so that
the last bit tells whether anything was lost; rounding that to float32 is then the right rounding.
S. Boldo, G. Melquiond, Emulation of a FMA and correctly rounded sums, 2008.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


def fma(a: F32 | np.float32, b: F32 | np.float32, c: F32 | np.float32) -> F32:
    """a x b + c with one rounding, float32, of the shape that the three broadcast to."""
    product = np.multiply(a, b, dtype=np.float64)
    return _rounded_to_odd(product, np.asarray(c, np.float64)).astype(np.float32)


def _rounded_to_odd(a: F64, b: F64) -> F64:
    """a + b: the float64 itself if it is one, else the neighbour whose last bit is 1."""
    total = a + b
    of_b = total - a
    lost = (a - (total - of_b)) + (b - of_b)  # exactly, by D. Knuth's two-sum
    bits = total.view(np.int64)
    outward = (lost > 0) == (total > 0)
    step = np.where(outward, 1, -1) * ((lost != 0) & (bits & 1 == 0))
    odd: F64 = (bits + step).view(np.float64)
    return odd
