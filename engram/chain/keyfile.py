"""One key in one file, in the format that btcli reads and writes.

The file is a JSON object (accountId, publicKey, ss58Address, cryptoType; for a private key also
secretPhrase, secretSeed, privateKey), encrypted as a whole if it has a password.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import bittensor_core
from bittensor_core import Keypair

from engram.errors import WalletError

FILE_MODE = 0o600
FOLDER_MODE = 0o700


def read_keypair(path: Path, password: str | None = None) -> Keypair:
    """The key in a file.

    Raises WalletError if it is missing, unreadable, encrypted with another password, or no key.
    """
    data = _read(path)
    try:
        if bittensor_core.keyfile_data_is_encrypted(data):
            data = bittensor_core.decrypt_keyfile_data(data, _needed(password, path))
        keypair = bittensor_core.deserialize_keypair_from_keyfile_data(data)
    except bittensor_core.WrongPasswordError:
        raise WalletError(f"{path}: the password is wrong") from None
    except (bittensor_core.KeyfileError, ValueError):  # its message may show the file's content
        raise WalletError(
            f"{path} is no Bittensor keyfile; restore it from its mnemonic: "
            "engram wallet regenerate --help"
        ) from None
    if keypair.crypto_type != bittensor_core.CRYPTO_SR25519:
        raise WalletError(f"{path} holds an ed25519 key; hotkeys must be sr25519")
    return keypair


def write_keypair(path: Path, keypair: Keypair, password: str | None = None) -> None:
    """Write a key, readable by its owner only; never over another file.

    Raises WalletError if the file exists. A crash leaves the whole file or none.
    """
    data = bittensor_core.serialized_keypair_to_keyfile_data(keypair)
    if password is not None:
        data = bittensor_core.encrypt_keyfile_data(data, password)
    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write_synced(draft, data)
        os.link(draft, path)  # unlike a rename, it fails if the name is taken
    except FileExistsError:
        raise WalletError(f"{path} exists and is never overwritten; choose another name") from None
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def public_half(keypair: Keypair) -> Keypair:
    """The same key without its secret."""
    return Keypair(ss58_address=keypair.ss58_address)


def is_encrypted(path: Path) -> bool:
    """Whether the file needs a password. Raises WalletError if it cannot be read."""
    return bool(bittensor_core.keyfile_data_is_encrypted(_read(path)))


def make_folder(folder: Path) -> None:
    """The folder and those above it; new ones are their owner's only."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WalletError(f"{path}: {error.strerror}") from None


def _needed(password: str | None, path: Path) -> str:
    if password is None:
        raise WalletError(f"{path} is encrypted; set ENGRAM_HOTKEY_PASSWORD to its password")
    return password


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
