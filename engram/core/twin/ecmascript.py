"""Number text as ECMAScript writes it, which is what RFC 8785 asks for."""

from __future__ import annotations


def number_text(number: float) -> str:
    """The text of a finite binary64, as ``Number.prototype.toString`` gives it.

    Python's ``repr`` already finds the shortest digits that read back as the same number and,
    among equally short ones, the nearest; only the layout differs.
    """
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    digits, point = _shortest(abs(number))
    return sign + _layout(digits, point)


def _shortest(number: float) -> tuple[str, int]:
    """Significant digits d and position p, so that the number is 0.d times 10 to the p."""
    mantissa, _, exponent = repr(number).partition("e")
    whole, _, fraction = mantissa.partition(".")
    padded = whole + fraction
    digits = padded.lstrip("0")
    point = len(whole) + int(exponent or "0") - (len(padded) - len(digits))
    return digits.rstrip("0"), point


def _layout(digits: str, point: int) -> str:
    """Plain decimals from 1e-6 up to 1e21, an exponent outside."""
    if 0 < point <= 21:
        if len(digits) <= point:
            return digits.ljust(point, "0")
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"
