"""``python -m tests.embedding.golden`` writes hashes.txt anew, with this machine's best kernel.

Do so only after the arithmetic or the texts were changed on purpose: every CID changes with it.
With a path as argument it writes the texts there instead, for programs in other languages.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.embedding.golden.hashes import FILE, hash_of_texts, hashes, texts_as_bytes
from tests.embedding.golden.texts import texts


def write_hashes() -> None:
    from engram_core import Embedder

    from engram.embedding.files import find_model, verify_model

    model = find_model()
    verify_model(model)
    embedder = Embedder(str(model.weights), str(model.tokenizer))
    embedder.self_test()
    embeddings, _ = embedder.embed(texts())
    FILE.write_text("\n".join([hash_of_texts(), *hashes(embeddings)]) + "\n", "ascii")
    print(f"{FILE}: {len(texts())} embeddings by the kernel {embedder.kernel}")


if len(sys.argv) > 1:
    Path(sys.argv[1]).write_bytes(texts_as_bytes())
else:
    write_hashes()
