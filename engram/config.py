"""Settings: the only module that reads the environment.

Every setting is also an environment variable ``ENGRAM_<NAME>`` and, where the CLI offers it, an
option. docs/settings.md lists this table; a test compares the two.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from platformdirs import user_cache_path
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from engram.errors import InvalidInput

S = TypeVar("S", bound=BaseSettings)

CHAINS = r"^(none|finney|test|dev:.+|wss?://.+)$"


def ip(value: str) -> str:
    """An IPv4 or IPv6 address, as chains list them."""
    return str(ip_address(value))


def words(value: Any) -> Any:
    """A list as an environment variable holds it."""
    return value.split() if isinstance(value, str) else value


class StoreSettings(BaseSettings):
    """How the embedded store keeps and finds vectors."""

    model_config = SettingsConfigDict(env_prefix="ENGRAM_", extra="ignore", frozen=True)

    hnsw_m: int = Field(16, ge=4, le=64, description="HNSW links per vector")
    ef_construction: int = Field(100, ge=8, le=1000, description="HNSW build breadth")
    ef_search: int = Field(
        128,
        ge=8,
        le=4096,
        description="HNSW search breadth; at M 16 and 100,000 embeddings recall@10 is 0.987",
    )
    tail_limit: int = Field(
        20_000, ge=1, description="vectors searched exactly before ingest is told to wait"
    )
    snapshot_every: int = Field(5_000, ge=1, description="changes between index snapshots")
    max_disk_bytes: int | None = Field(
        None, ge=0, description="size of the data directory beyond which ingest answers 503"
    )


class EmbedderSettings(BaseSettings):
    """Which embedder runs and where its files are."""

    model_config = SettingsConfigDict(env_prefix="ENGRAM_", extra="ignore", frozen=True)

    embedder: Literal["auto", "exact", "onnx"] = Field(
        "auto", description="which embedder to use; auto: the exact one, else onnxruntime"
    )
    model_dir: Path | None = Field(
        None, description="folder with model.safetensors and tokenizer.json; default: the package"
    )
    cache_dir: Path = Field(
        default_factory=lambda: user_cache_path("engram"), description="derived files"
    )
    embed_threads: int | None = Field(
        None, ge=1, description="threads that embed; default: one per core"
    )
    embed_queue: int = Field(512, ge=1, description="texts that may wait before ingest gets 503")


class MinerSettings(BaseSettings):
    """The miner's server."""

    model_config = SettingsConfigDict(env_prefix="ENGRAM_", extra="ignore", frozen=True)

    data_dir: Path = Field(Path(".engram/miner"), description="where the records live")
    host: str = Field("127.0.0.1", description="address to bind")
    port: int = Field(8091, ge=0, le=65535, description="port to bind; 0 picks a free one")
    chain: str = Field(
        "none",
        pattern=CHAINS,
        description="chain to join: `none`, `dev:PATH`, `finney`, `test` or `ws://...`",
    )
    netuid: int = Field(1, ge=0, le=65535, description="subnet to serve")
    wallet: str | None = Field(
        None, description="`NAME/HOTKEY` of the Bittensor wallet to serve as"
    )
    external_ip: Annotated[str, AfterValidator(ip)] | None = Field(
        None, description="address that others reach the miner by; default: the one it binds"
    )
    external_port: int | None = Field(
        None, ge=1, le=65535, description="port that others reach it by; default: the one it binds"
    )
    connect_every_s: float = Field(
        10.0, gt=0, description="seconds between attempts to reach the chain"
    )
    metagraph_every_s: float = Field(
        300.0, gt=0, description="seconds between reads of the whole metagraph"
    )
    placement_blocks: int = Field(
        100, ge=1, description="blocks from one placement to the next; the same on a whole subnet"
    )
    replicate_deadline_s: float = Field(
        2.0, ge=0, description="seconds an ingest waits for other holders to acknowledge"
    )
    absent_after_s: float = Field(
        600.0, gt=0, description="seconds of silence after which the next member stands in"
    )
    compare_every_s: float = Field(
        60.0, gt=0, description="seconds between comparisons with each other member"
    )
    sweep_every_s: float = Field(
        300.0, gt=0, description="seconds between looks at copies that are not this node's"
    )
    keep_foreign_s: float = Field(
        86_400.0, ge=0, description="seconds for which copies that are not this node's are kept"
    )
    outbox_limit: int = Field(
        1_000_000, ge=1, description="deliveries that may wait before ingest gets 503"
    )
    repair_bytes_per_s: float = Field(
        4_000_000.0, gt=0, description="bytes/s of records that repair sends or fetches"
    )
    peer_rate_per_s: float = Field(
        50.0, gt=0, description="requests/s that another member may send, loopback included"
    )
    peer_burst: int = Field(200, ge=1, description="requests that a member may send at once")
    validators: Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)] = Field(
        (), description="URLs of validators, separated by spaces, whose scores /stats shows"
    )
    metrics_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="loopback port for /metrics; default: the miner's own, or 1000 above it "
        "when the miner is public",
    )
    rate_per_s: float = Field(50.0, gt=0, description="requests/s per address, off on loopback")
    rate_burst: int = Field(200, ge=1, description="requests an address may send at once")
    max_connections: int = Field(1024, ge=1, description="open connections; more are closed")
    body_timeout_s: float = Field(30.0, gt=0, description="seconds a request body may take")
    request_deadline_s: float = Field(30.0, gt=0, description="seconds before a request gets 503")
    drain_timeout_s: float = Field(5.0, ge=0, description="seconds that SIGTERM waits for requests")
    log_format: Literal["auto", "console", "json"] = Field("auto", description="log lines")


class ValidatorSettings(BaseSettings):
    """The validator: what it judges, how often, and where it says so."""

    model_config = SettingsConfigDict(env_prefix="ENGRAM_VALIDATOR_", extra="ignore", frozen=True)

    data_dir: Path = Field(Path(".engram/validator"), description="where its state lives")
    host: str = Field("127.0.0.1", description="address to bind")
    port: int = Field(8100, ge=0, le=65535, description="port to bind; 0 picks a free one")
    chain: str | None = Field(None, description="`dev:PATH`, `finney`, `test` or `ws://...`")
    netuid: int = Field(1, ge=0, le=65535, description="subnet whose miners are judged")
    wallet: str | None = Field(None, description="`NAME/HOTKEY` of a Bittensor wallet")
    corpus: Path | None = Field(
        None, description="secret texts that probes are made of; default: the bundled ones"
    )
    scoring_every_s: float = Field(120, gt=0, description="seconds between scoring rounds")
    challenge_every_s: float = Field(300, gt=0, description="seconds between challenge rounds")
    weights_every_s: float = Field(600, gt=0, description="seconds between attempts at weights")
    placing_every_s: float = Field(15, gt=0, description="seconds between posts of own records")
    survey_every_s: float = Field(
        60, gt=0, description="seconds between looks at what members list and have not confirmed"
    )
    survey_pages: int = Field(
        4, ge=0, le=64, description="pages of 100 records read of each member in a survey"
    )
    known_limit: int = Field(
        1_000_000, ge=0, description="records that books are kept of; some 2 GB each million"
    )
    repair_every_s: float = Field(60, gt=0, description="seconds between requests for repair")
    repair_after_s: float = Field(
        600, ge=0, description="seconds a record may stay DEGRADED before its holders are asked"
    )
    probes: int = Field(5, ge=1, le=64, description="searches that each miner gets in a round")
    spots: int = Field(2, ge=0, le=64, description="searches for users' records in a round")
    min_known: int = Field(
        200, ge=1, description="obligations below which a miner is still warming up"
    )
    audit_sample: int = Field(
        64, ge=1, le=256, description="records in an audit; 64 find 1 % loss within an hour"
    )
    window_rounds: int = Field(
        5,
        ge=1,
        le=100,
        description="scoring rounds behind recall and latency; 5 are one weight set",
    )
    max_in_flight: int = Field(
        16, ge=1, le=256, description="requests at once; more would measure the validator itself"
    )
    request_timeout_s: float = Field(
        3.0, gt=0, description="seconds a miner may take; latency counts as lost from 0.5"
    )
    unreachable_after_s: float = Field(
        600, ge=0, description="seconds of silence that suspend what a miner has confirmed"
    )
    placement_blocks: int = Field(
        100, ge=1, description="blocks from one placement to the next; the same on a whole subnet"
    )
    pool_days: float = Field(
        7, gt=0, description="days after which a namespace of probes is replaced"
    )
    keep_days: float = Field(30, gt=0, description="days for which evidence is kept")
    chain_deadline_s: float = Field(30, gt=0, description="seconds a call to the chain may take")
    log_format: Literal["auto", "console", "json"] = Field("auto", description="log lines")


class GatewaySettings(BaseSettings):
    """The gateway: what web pages, the SDK and other clients share."""

    model_config = SettingsConfigDict(env_prefix="ENGRAM_GATEWAY_", extra="ignore", frozen=True)

    data_dir: Path = Field(Path(".engram/gateway"), description="jobs, raw files, descriptions")
    host: str = Field("127.0.0.1", description="address to bind")
    port: int = Field(8090, ge=0, le=65535, description="port to bind; 0 picks a free one")
    chain: str | None = Field(None, description="`dev:PATH`, `finney`, `test` or `ws://...`")
    netuid: int = Field(1, ge=0, le=65535, description="subnet that is searched and written to")
    placement_blocks: int = Field(
        100, ge=1, description="blocks from one placement to the next; the same on a whole subnet"
    )
    url: str | None = Field(None, description="a miner to use instead of a chain")
    validators: Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)] = Field(
        (), description="URLs of validators, separated by spaces, whose scores are shown"
    )
    token: SecretStr | None = Field(
        None, description="what clients must send; needed beyond loopback"
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)] = Field(
        (), description="names, separated by spaces, that browsers may reach it by"
    )
    max_file_bytes: int = Field(256 * 1024 * 1024, ge=1, description="bytes of one uploaded file")
    files_at_once: int = Field(2, ge=1, le=16, description="files that are worked on side by side")
    files_waiting: int = Field(64, ge=0, description="files that may wait for their turn")
    arweave_url: str | None = Field(None, description="Arweave gateway; default: nothing is pinned")
    arweave_name: str = Field("Arweave", description="what that network is called to people")
    arweave_wallet: Path | None = Field(None, description="JWK file, mode 0600, that pays")
    arweave_wallet_jwk: SecretStr | None = Field(None, description="the same as text")
    pin: bool = Field(False, description="pin files unless a request says otherwise")
    max_winston_per_file: int = Field(
        50_000_000_000, ge=0, description="most that pinning one file may cost: 0.05 AR"
    )
    max_winston_per_day: int = Field(
        500_000_000_000, ge=0, description="most that pinning may cost in 24 hours: 0.5 AR"
    )
    advance_every_s: float = Field(
        30.0, gt=0, description="seconds between looks at files on their way to Arweave"
    )
    chunk_tokens: int = Field(200, ge=16, le=250, description="word pieces of a chunk")
    chunk_overlap: int = Field(0, ge=0, le=100, description="word pieces shared by neighbours")
    log_format: Literal["auto", "console", "json"] = Field("auto", description="log lines")


class VisionSettings(BaseSettings):
    """Who describes images."""

    model_config = SettingsConfigDict(env_prefix="ENGRAM_VISION_", extra="ignore", frozen=True)

    api_key: SecretStr | None = Field(None, description="of xAI; without it images are read by OCR")
    base_url: str = Field("https://api.x.ai/v1", description="of any server with a Responses API")
    model: str = Field("grok-4.3", description="which model describes")
    timeout_s: float = Field(60.0, gt=0, description="seconds that a description may take")


class ClientSettings(BaseSettings):
    """What the SDK and the CLI talk to."""

    model_config = SettingsConfigDict(env_prefix="ENGRAM_", extra="ignore", frozen=True)

    url: str = Field("http://127.0.0.1:8091", description="node that the CLI talks to")
    chain: str = Field(
        "none",
        pattern=CHAINS,
        description="chain whose subnet the CLI reads and writes as a whole; `none`: one node",
    )
    netuid: int = Field(1, ge=0, le=65535, description="that subnet")
    placement_blocks: int = Field(
        100, ge=1, description="blocks from one placement to the next; the same on a whole subnet"
    )
    query_deadline_s: float = Field(
        5.0, gt=0, description="seconds that a search of a whole network may take"
    )
    timeout_s: float = Field(30.0, gt=0, description="seconds before a call is given up")


class WalletSettings(BaseSettings):
    """The keys that a neuron signs with, in the folders and files that btcli uses."""

    model_config = SettingsConfigDict(env_prefix="ENGRAM_", extra="ignore", frozen=True)

    wallet_dir: Path = Field(
        Path("~/.bittensor/wallets"), description="folder of the wallets, shared with btcli"
    )
    hotkey_password: SecretStr | None = Field(
        None, description="password of an encrypted hotkey, for servers that nobody can ask"
    )


def read_settings(kind: type[S], **given: Any) -> S:
    """Settings from the options given, the environment and the defaults, in this order.

    Raises InvalidInput naming the first bad one.
    """
    try:
        return kind(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        option = f"--{name.replace('_', '-')}"
        variable = f"{kind.model_config['env_prefix']}{name}".upper()
        raise InvalidInput(
            f"{option} or {variable}: {first['msg']} (it is {first['input']!r})"
        ) from None


def environment_with(more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment and some more, for a process that it starts."""
    return {**os.environ, **more}


def forbid_telemetry() -> None:
    """Keep onnxruntime from reporting its use to its vendor, unless the user says otherwise.

    Its packages do so from the moment of import; only this variable, set before, prevents that.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
