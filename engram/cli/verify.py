"""``engram verify``: apart from the other readers, because it needs the core and the model."""

from __future__ import annotations

from dataclasses import asdict

import typer

from engram.cli.options import CidArgument, EmbedBy, Json, Url, client
from engram.cli.output import print_json, say
from engram.cli.target import Chain, Netuid, Target, network_of
from engram.sdk import Verification
from engram.sdk.own_embedder import Choice

EMBEDDING = {
    "exact": ("ok", "the embedding is that of the text, bit for bit"),
    "near": ("ok", "the embedding is that of the text, but for another arithmetic's rounding"),
    "no": ("fail", "the embedding is not that of the text"),
    "unknown": ("unknown", "whether the embedding is that of the text (no text, or no model here)"),
}
METADATA = {
    True: ("ok", "the metadata is what was stored: the CID covers it"),
    False: ("fail", "the metadata is not what was given"),
    None: ("unknown", "whether the metadata is what was stored"),
}
BYTES = {
    True: ("ok", "the bytes hash to this CID"),
    False: ("fail", "the bytes do not hash to this CID: do not trust this record"),
}
STYLES = {"ok": "green", "fail": "red", "unknown": "yellow"}


def _tell(verdict: Verification) -> None:
    for mark, sentence in (
        BYTES[verdict.bytes_match],
        METADATA[verdict.metadata_as_given],
        EMBEDDING[verdict.embedding_of_text],
    ):
        say(f"{mark:<8}{sentence}", style=STYLES[mark])
    if verdict.text_covered is False:
        say("note    the text is kept beside the record; the CID does not cover it", style="yellow")


def verify(
    cid: CidArgument,
    embed: EmbedBy = "auto",
    url: Url = None,
    chain: Chain = None,
    netuid: Netuid = None,
    json_: Json = False,
) -> None:
    """Recompute a record's CID here, without trusting the node.

    Of a network each holder is asked and judged by itself. Also embeds the text again if the
    model is installed; `--embed remote` leaves that out. The exit code is 1 if anything is not
    as it should be.

    \b
    Examples:
      engram verify v1::6ac1…
      engram verify v1::6ac1… --url http://203.0.113.7:8091 --json
    """
    if (target := network_of(url, chain, netuid)) is not None:
        _verify_holders(target, cid, embed, json_=json_)
        return
    with client(url, embed) as node:
        verdict = node.verify(cid)
    if json_:
        print_json(asdict(verdict) | {"ok": verdict.ok})
    else:
        _tell(verdict)
    if not verdict.ok:
        raise typer.Exit(1)


def _verify_holders(target: Target, cid: str, embed: Choice, *, json_: bool) -> None:
    from engram.cli import across

    with target.open(embed) as network:
        found = network.verify(cid)
    if json_:
        print_json(across.verdict_body(found))
    else:
        given = [one.verification for one in found.holders if one.verification is not None]
        for verdict in given[:1]:
            _tell(verdict)
        across.tell_holders(found)
    if not found.ok:
        raise typer.Exit(1)
