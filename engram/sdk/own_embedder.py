"""The embedder of this process, for whoever would rather not leave embedding to a node.

Loaded when the first text needs it (about 0.3 s), once for all clients and memories together.
"""

from __future__ import annotations

import logging
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from engram.errors import CoreMissing, InvalidInput, ModelError, ModelMissing

if TYPE_CHECKING:
    from engram.config import EmbedderSettings
    from engram.embedding.interface import Embedder

Choice = Literal["auto", "local", "remote"]
Embed: TypeAlias = "Choice | Embedder"
"""Who makes embeddings of texts: ``auto`` is this machine where the exact embedder runs and the
node elsewhere; ``local`` is this machine by whichever embedder it has; ``remote`` is the node. Or
an embedder of one's own."""

log = logging.getLogger("engram.sdk")


class OwnEmbedder:
    """One client's choice. Thread-safe; every method may block while the model is loaded."""

    def __init__(self, embed: Embed = "auto") -> None:
        """Raises InvalidInput for a word that is no choice."""
        if isinstance(embed, str) and embed not in get_args(Choice):
            raise InvalidInput(f"embed is 'auto', 'local' or 'remote', not {embed!r}")
        self._embed = embed
        self._lock = threading.Lock()
        self._chosen: tuple[Embedder | None] | None = None

    def for_sending(self) -> Embedder | None:
        """What makes the embeddings that are sent; None if the node is to make them.

        Raises ModelMissing or another ModelError if that must be this machine and it cannot.
        """
        with self._lock:
            if self._chosen is None:
                self._chosen = (self._choose(),)
            return self._chosen[0]

    def for_checking(self) -> Embedder | None:
        """What a text is embedded with to judge a record: the best that is here, if any is."""
        if self._embed == "remote":
            return None
        try:
            return self.for_sending() or shared_embedder(_settings())
        except ModelMissing:
            return None

    @cached_property
    def threads(self) -> int:
        """How many threads embed a batch: what the settings say, or one per core."""
        from engram.embedding.batcher import usable_cores

        return _settings().embed_threads or usable_cores()

    def _choose(self) -> Embedder | None:
        if not isinstance(self._embed, str):
            return self._embed
        if self._embed == "local":
            return shared_embedder(_settings())
        return _exact_embedder() if self._embed == "auto" else None


def shared_embedder(settings: EmbedderSettings) -> Embedder:
    """The process's embedder for these settings. Raises what ``open_embedder`` raises."""
    with _OPENING:
        found = _OPENED.get(settings) or _OPENED.get(_settled(settings, exact=True))
        return found or _open(settings)


_OPENED: dict[EmbedderSettings, Embedder] = {}
_OPENING = threading.Lock()


def _open(settings: EmbedderSettings) -> Embedder:
    from engram.embedding import open_embedder

    opened = open_embedder(settings)
    embedder = _OPENED.setdefault(_settled(settings, exact=opened.exact), opened)
    _OPENED[settings] = embedder
    return embedder


def _settled(settings: EmbedderSettings, *, exact: bool) -> EmbedderSettings:
    """The settings with ``auto`` replaced by what it came to, so that both find one embedder."""
    if settings.embedder != "auto":
        return settings
    return settings.model_copy(update={"embedder": "exact" if exact else "onnx"})


def _exact_embedder() -> Embedder | None:
    """The exact embedder, or None where it is not installed, is not wanted or fails."""
    settings = _settings()
    if settings.embedder == "onnx":
        return None
    try:
        return shared_embedder(_settled(settings, exact=True))
    except (CoreMissing, ModelMissing):
        return None
    except ModelError as error:  # installed but broken, which its owner would like to hear
        log.warning("texts are left to nodes to embed: %s", error.message)
        return None


def _settings() -> EmbedderSettings:
    # They bring pydantic, which reading records needs not.
    from engram.config import EmbedderSettings, read_settings

    return read_settings(EmbedderSettings)
