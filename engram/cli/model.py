"""``engram model``: the files of the embedding model."""

from __future__ import annotations

import typer

from engram.cli.options import Json, settings
from engram.cli.output import note, print_json, say
from engram.config import EmbedderSettings
from engram.embedding.files import SHA256, ModelFiles, find_model, verify_model
from engram.embedding.install import install_model

app = typer.Typer(
    help="Install or check the embedding model.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
)


@app.command()
def install(json_: Json = False) -> None:
    """Install the embedding model (91 MB, once).

    Does nothing if it is there. The files are checked against their pinned SHA-256.

    \b
    Examples:
      engram model install
    """
    files = install_with_words()
    if json_:
        print_json(_body(files))
    else:
        say(f"The model is installed: {files.weights.parent}")


@app.command()
def status(json_: Json = False) -> None:
    """Check that the model is there and is the right one.

    The exit code is 7 if it is not.

    \b
    Examples:
      engram model status
      engram model status --json
    """
    files = find_model(settings(EmbedderSettings).model_dir)
    verify_model(files)
    if json_:
        print_json(_body(files))
        return
    say(f"{files.weights}\n{files.tokenizer}")
    say("ok: both have the pinned SHA-256", style="green")


def install_with_words() -> ModelFiles:
    """Install the model and pass on what the installer says."""
    return install_model(lambda line: note(line, style="dim"))


def _body(files: ModelFiles) -> dict[str, object]:
    return {"weights": str(files.weights), "tokenizer": str(files.tokenizer), "sha256": SHA256}
