"""Bittensor wallets: ``~/.bittensor/wallets/NAME`` with one coldkey and any number of hotkeys.

NAME/coldkey           owns the stake; encrypted, and best kept off the host that serves
NAME/coldkeypub.txt    its public half
NAME/hotkeys/HOTKEY    signs for a neuron
NAME/hotkeys/HOTKEYpub.txt
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bittensor_core import Keypair

from engram.chain.keyfile import is_encrypted, public_half, read_keypair, write_keypair
from engram.config import WalletSettings
from engram.errors import WalletError

DEFAULT_HOTKEY = "default"  # as in btcli
PUBLIC_SUFFIX = "pub.txt"
MNEMONIC_WORDS = 12  # 128 bits, as in btcli


@dataclass(frozen=True, slots=True)
class WalletPaths:
    """Where the keys of one wallet and one of its hotkeys are."""

    coldkey: Path
    coldkey_public: Path
    hotkey: Path
    hotkey_public: Path


@dataclass(frozen=True, slots=True)
class WalletEntry:
    """A hotkey on this machine."""

    name: str
    hotkey_name: str
    hotkey: str
    """SS58 address."""
    coldkey: str | None
    """SS58 address, None if its public half is not on this machine."""
    coldkey_here: bool
    """True if the coldkey's secret is on this machine."""
    coldkey_encrypted: bool
    """True if that secret has a password."""


@dataclass(frozen=True, slots=True)
class NewWallet:
    """What was created. The mnemonics are the only way back to lost keys."""

    entry: WalletEntry
    hotkey_mnemonic: str = field(repr=False)
    coldkey_mnemonic: str | None = field(repr=False)
    """None if the coldkey was there before."""


class KeypairSigner:
    """A hotkey in memory."""

    def __init__(self, keypair: Keypair, coldkey: str | None = None) -> None:
        self._keypair = keypair
        self._coldkey = coldkey

    @property
    def hotkey(self) -> str:
        """SS58 address."""
        return str(self._keypair.ss58_address)

    @property
    def coldkey(self) -> str | None:
        """SS58 address of the owner, None if its public file is not on this machine."""
        return self._coldkey

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return bytes(self._keypair.public_key)

    def sign(self, message: bytes) -> bytes:
        """64 bytes, sr25519; another 64 each time."""
        return bytes(self._keypair.sign(message))

    def __repr__(self) -> str:
        return f"KeypairSigner({self.hotkey})"


def load_signer(
    wallet: str, wallet_dir: Path | None = None, *, password: str | None = None
) -> KeypairSigner:
    """The hotkey of ``NAME/HOTKEY``; ``NAME`` alone means its hotkey ``default``.

    ``password`` opens an encrypted hotkey; None means ENGRAM_HOTKEY_PASSWORD. Raises WalletError.
    """
    name, hotkey_name = parse_wallet(wallet)
    paths = paths_of(name, hotkey_name, wallet_dir)
    if not paths.hotkey.is_file():
        raise WalletError(
            f"there is no wallet {name}/{hotkey_name} ({paths.hotkey}); "
            f"create it: engram wallet create {name}/{hotkey_name}"
        )
    keypair = read_keypair(paths.hotkey, password or _password_for_servers())
    return KeypairSigner(keypair, _address_in(paths.coldkey_public))


def create_wallet(
    name: str,
    hotkey_name: str = DEFAULT_HOTKEY,
    wallet_dir: Path | None = None,
    *,
    password: str | None,
) -> NewWallet:
    """Create a hotkey, and its coldkey too if the wallet has none.

    ``password`` encrypts a new coldkey; None leaves it open, which is for local networks. Hotkeys
    stay open, because servers read them. Raises WalletError if the hotkey exists.
    """
    paths = paths_of(name, hotkey_name, wallet_dir)
    if paths.hotkey.exists():
        raise WalletError(f"{paths.hotkey} exists and is never overwritten; choose another name")
    coldkey_mnemonic = None
    if not has_coldkey(paths):
        coldkey_mnemonic = Keypair.generate_mnemonic(MNEMONIC_WORDS)
        _write_pair(paths.coldkey, paths.coldkey_public, coldkey_mnemonic, password)
    hotkey_mnemonic = Keypair.generate_mnemonic(MNEMONIC_WORDS)
    _write_pair(paths.hotkey, paths.hotkey_public, hotkey_mnemonic, None)
    return NewWallet(_entry(name, hotkey_name, paths), hotkey_mnemonic, coldkey_mnemonic)


def regenerate_hotkey(
    name: str, hotkey_name: str, mnemonic: str, wallet_dir: Path | None = None
) -> str:
    """Write a hotkey anew from its mnemonic; its address. Raises WalletError."""
    paths = paths_of(name, hotkey_name, wallet_dir)
    return _write_pair(paths.hotkey, paths.hotkey_public, mnemonic, None)


def regenerate_coldkey(
    name: str, mnemonic: str, wallet_dir: Path | None = None, *, password: str | None
) -> str:
    """Write a coldkey anew from its mnemonic; its address. Raises WalletError."""
    paths = paths_of(name, DEFAULT_HOTKEY, wallet_dir)
    return _write_pair(paths.coldkey, paths.coldkey_public, mnemonic, password)


def list_wallets(wallet_dir: Path | None = None) -> list[WalletEntry]:
    """Every hotkey in the folder, by name. Raises WalletError for one that cannot be read."""
    folder = wallet_folder(wallet_dir)
    found = sorted(p for p in folder.glob("*/hotkeys/*") if _holds_hotkey(p))
    names = [(path.parent.parent.name, path.name) for path in found]
    return [_entry(name, hot, paths_of(name, hot, wallet_dir)) for name, hot in names]


def wallet_folder(wallet_dir: Path | None = None) -> Path:
    """The folder of all wallets: the one given, else ENGRAM_WALLET_DIR, else btcli's."""
    return (wallet_dir or WalletSettings().wallet_dir).expanduser()


def parse_wallet(wallet: str) -> tuple[str, str]:
    """(name, hotkey name) of ``NAME/HOTKEY`` or ``NAME``. Raises WalletError."""
    name, slash, hotkey_name = wallet.partition("/")
    if not slash:
        hotkey_name = DEFAULT_HOTKEY
    for part in (name, hotkey_name):
        _check_name(part, wallet)
    return name, hotkey_name


def paths_of(name: str, hotkey_name: str, wallet_dir: Path | None = None) -> WalletPaths:
    """Where that wallet's files are. Raises WalletError if a name could leave the folder."""
    for part in (name, hotkey_name):
        _check_name(part, f"{name}/{hotkey_name}")
    home = wallet_folder(wallet_dir) / name
    hotkeys = home / "hotkeys"
    return WalletPaths(
        coldkey=home / "coldkey",
        coldkey_public=home / f"coldkey{PUBLIC_SUFFIX}",
        hotkey=hotkeys / hotkey_name,
        hotkey_public=hotkeys / f"{hotkey_name}{PUBLIC_SUFFIX}",
    )


def has_coldkey(paths: WalletPaths) -> bool:
    """True if the coldkey or its public half is here: the wallet then needs no new one."""
    return paths.coldkey.exists() or paths.coldkey_public.exists()


def _check_name(part: str, wallet: str) -> None:
    if part in {"", ".", ".."} or not part.isprintable() or "/" in part or "\\" in part:
        raise WalletError(f"a wallet is named NAME/HOTKEY, such as alice/miner, not {wallet!r}")
    if part.endswith(PUBLIC_SUFFIX):
        raise WalletError(f"{part!r} is how the public half of a key is named; leave it out")


def _write_pair(secret: Path, public: Path, mnemonic: str, password: str | None) -> str:
    """Write both halves, the secret first: a public half alone would invite stake to nobody."""
    try:
        keypair = Keypair.create_from_mnemonic(mnemonic)
    except ValueError:
        raise WalletError("these words are no mnemonic: check their spelling and order") from None
    address = str(keypair.ss58_address)
    known = _address_in(public)
    if known not in {None, address}:
        raise WalletError(f"the words are those of {address}, but {public} says {known}")
    write_keypair(secret, keypair, password)
    if known is None:
        write_keypair(public, public_half(keypair))
    return address


def _holds_hotkey(path: Path) -> bool:
    hidden = path.name.startswith(".")
    return path.is_file() and not hidden and not path.name.endswith(PUBLIC_SUFFIX)


def _entry(name: str, hotkey_name: str, paths: WalletPaths) -> WalletEntry:
    here = paths.coldkey.exists()
    return WalletEntry(
        name=name,
        hotkey_name=hotkey_name,
        hotkey=_hotkey_address(paths),
        coldkey=_address_in(paths.coldkey_public),
        coldkey_here=here,
        coldkey_encrypted=here and is_encrypted(paths.coldkey),
    )


def _hotkey_address(paths: WalletPaths) -> str:
    """The public half answers for an encrypted hotkey; older wallets have none beside open ones."""
    if is_encrypted(paths.hotkey) and paths.hotkey_public.exists():
        return str(read_keypair(paths.hotkey_public).ss58_address)
    return str(read_keypair(paths.hotkey, _password_for_servers()).ss58_address)


def _address_in(path: Path) -> str | None:
    return str(read_keypair(path).ss58_address) if path.exists() else None


def _password_for_servers() -> str | None:
    password = WalletSettings().hotkey_password
    return password.get_secret_value() if password else None
