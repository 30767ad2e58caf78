"""What a Memory adds to what it is given: namespace, user, and which records a search is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from engram.errors import InvalidMetadata
from engram.sdk.items import Item, as_metadata, as_object
from engram.sdk.results import Metadata


class Default(Enum):
    """Stands for an argument that was not given, where None has a meaning of its own."""

    NAMESPACE = "the namespace that the Memory was made with"


Namespace = str | None | Literal[Default.NAMESPACE]
DEFAULT = Default.NAMESPACE


@dataclass(frozen=True, slots=True)
class Scope:
    """The namespace and user that one call is about."""

    namespace: str | None
    user_id: str | None

    def item(self, given: Item, metadata: Metadata | None = None) -> dict[str, Any]:
        """An ingest with the scope in its metadata.

        Raises InvalidMetadata if the metadata already says something else.
        """
        entry = as_object(given) if metadata is None else {"text": given, "metadata": metadata}
        scoped = dict(as_metadata(entry.get("metadata")))
        for key, value in self._keys().items():
            if scoped.setdefault(key, value) != value:
                raise InvalidMetadata(
                    f"metadata says {key} {scoped[key]!r} but the call says {value!r}; "
                    f"pass {key}={scoped[key]!r}, or leave it out of the metadata"
                )
        return entry | {"metadata": scoped}

    def where(self, where: Metadata | None, *, documents: bool = True) -> Metadata | None:
        """A filter for the scope and the caller's own.

        Without ``documents``, records of ``type: document`` are left out, because their chunks
        are searched instead; a filter that names ``type`` itself decides for itself.
        """
        clauses: list[Metadata] = [{key: value} for key, value in self._keys().items()]
        if not documents and not names_key(where, "type"):
            clauses.append({"type": {"$ne": "document"}})
        if where:
            clauses.append(where)
        if len(clauses) > 1:
            return {"$and": clauses}
        return clauses[0] if clauses else None

    def _keys(self) -> dict[str, str]:
        keys = {"namespace": self.namespace, "user_id": self.user_id}
        return {key: value for key, value in keys.items() if value is not None}


def names_key(where: Any, key: str) -> bool:
    """True if a filter has a condition on the metadata key."""
    if isinstance(where, list | tuple):
        return any(names_key(clause, key) for clause in where)
    if not isinstance(where, Mapping):
        return False
    return any(
        name == key or (str(name).startswith("$") and names_key(inner, key))
        for name, inner in where.items()
    )
