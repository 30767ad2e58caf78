"""How much of everything a run measures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from engram.config import EmbedderSettings


@dataclass(frozen=True, slots=True)
class Scale:
    """The sizes of one run of the benchmarks."""

    records: int = 100_000
    """Real embeddings in the store that is queried, restarted and compared."""
    queries: int = 1_000
    """Held-out real embeddings to search with."""
    ingest: int = 15_000
    """Raw embeddings that one ingest run writes; below the store's tail limit."""
    texts: int = 400
    """Texts that one text ingest run writes, half of them short and half long."""
    runs: int = 5
    """Alternating pairs (ours, then the floor) behind each median."""
    loaded_seconds: float = 10.0
    """How long queries run beside ingest, per run."""
    miners: int = 256
    """Miners that a validator scores; a subnet holds no more."""
    networked: int = 20_000
    """Real embeddings that five miners keep among them, three copies of each."""
    corpus: Path = field(default_factory=lambda: EmbedderSettings().cache_dir / "bench" / "english")
    """Where the sentences and their embeddings are kept between runs."""

    def sizes(self) -> dict[str, float]:
        """Everything but the place."""
        return {name: value for name, value in asdict(self).items() if name != "corpus"}


FULL = Scale()
QUICK = Scale(
    records=5_000,
    queries=200,
    ingest=2_000,
    texts=60,
    runs=3,
    loaded_seconds=3.0,
    miners=64,
    networked=3_000,
)
