"""A working example of each request, for the OpenAPI document and for whoever reads it."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np

from engram.core.limits import DIMENSIONS
from engram.protocol import (
    BatchChallengeRequest,
    BatchIngestRequest,
    BatchRetrieveRequest,
    ChallengeRequest,
    CompareRequest,
    HasRequest,
    IngestRequest,
    ListRequest,
    Message,
    QueryRequest,
    RepairRequest,
)

CID = "v1::" + "5e" * 32
VECTOR = [round(float(x), 4) for x in np.sin(np.arange(DIMENSIONS))]
VECTOR_B64 = b64encode(np.array(VECTOR, dtype="<f4").tobytes()).decode("ascii")
TEXT = "The oak in the yard was planted in 1911."
WHERE = {"year": {"$gte": 1900}, "source": {"$in": ["diary", "letters"]}}
CHALLENGE = {"cid": CID, "nonce_hex": "0f" * 32, "expires_at": 1_800_000_000, "version": 1}
WHOLE = {"low": "", "high": None, "count": 100_000, "fingerprint": "0f" * 32}

EXAMPLES: dict[type[Message], dict[str, dict[str, Any]]] = {
    IngestRequest: {
        "text": {"text": TEXT, "metadata": {"source": "diary", "year": 1911}},
        "embedding": {"raw_embedding": VECTOR, "metadata": {}},
        "base64": {"embedding_b64": VECTOR_B64, "metadata": {"text": TEXT}, "model_version": "v1"},
        "replicated": {"text": TEXT, "min_replicas": 1},
    },
    QueryRequest: {
        "text": {"query_text": "how old is the tree?", "top_k": 5},
        "filtered": {"query_text": "how old is the tree?", "top_k": 5, "where": WHERE},
        "vector": {"query_vector": VECTOR, "top_k": 10},
        "base64": {"query_b64": VECTOR_B64},
    },
    ChallengeRequest: {"challenge": CHALLENGE},
    HasRequest: {"one": {"cids": [CID]}},
    ListRequest: {
        "first_page": {"limit": 100},
        "filtered": {"limit": 10, "where": WHERE},
        "signed": {"limit": 1_000, "receipt": True},
    },
    BatchIngestRequest: {
        "two": {"items": [{"text": TEXT}, {"embedding_b64": VECTOR_B64, "metadata": {"page": 2}}]}
    },
    BatchRetrieveRequest: {"one": {"cids": [CID]}},
    BatchChallengeRequest: {"one": {"items": [CHALLENGE]}},
    CompareRequest: {
        "everything": {"placement": 5_000, "ranges": [WHOLE]},
        "wanted": {"placement": 5_000, "absent": [7], "ranges": [], "wanted": ["5e" * 32]},
    },
    RepairRequest: {"one": {"cids": [CID]}},
}
