"""Meaning survives: of 20 sentences the nearest is the one that a person would pick."""

from __future__ import annotations

import numpy as np
import pytest

from engram.embedding import Embedder

SENTENCES = [
    "Bees dance to tell the hive where the flowers are.",
    "The bridge hangs from two steel cables.",
    "Yeast makes bread rise.",
    "A prime number has exactly two divisors.",
    "The tide follows the moon.",
    "Her violin was made in Cremona.",
    "Interest rates rose again this quarter.",
    "The goalkeeper saved a penalty in the last minute.",
    "Messages are encrypted before they leave the phone.",
    "Glaciers carve valleys as they move.",
    "The vaccine trains the immune system.",
    "Clay tablets recorded how much grain was owed.",
    "A thunderstorm needs warm, moist air.",
    "The compass needle points north.",
    "Roots take up water and minerals from the soil.",
    "Two computers must agree on the order of events.",
    "The orchestra tuned to the oboe.",
    "Chess players think many moves ahead.",
    "The train to the coast leaves at nine.",
    "Black holes bend the light of stars behind them.",
]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("how do insects communicate?", 0),
        ("why does dough swell in a warm kitchen?", 2),
        ("what causes high and low water at sea?", 4),
        ("central bank makes borrowing more expensive", 6),
        ("football match", 7),
        ("cryptography on mobile devices", 8),
        ("ice shaping the landscape", 9),
        ("immunisation against disease", 10),
        ("the earliest writing was used for accounting", 11),
        ("lightning and hail", 12),
        ("how plants drink", 14),
        ("consensus in distributed systems", 15),
        ("gravity in astronomy", 19),
    ],
)
def test_nearest(embedder: Embedder, question: str, answer: int) -> None:
    known = np.stack([embedded.vector for embedded in embedder.embed(SENTENCES)])
    (asked,) = embedder.embed([question])
    assert int(np.argmax(known @ asked.vector)) == answer
