"""``engram validator``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engram.cli.corpus import passages
from engram.cli.model_offer import with_model
from engram.cli.options import Json, settings
from engram.cli.output import note, print_json, say
from engram.cli.validators import ValidatorDir, ValidatorUrl, fetched, url_of
from engram.config import EmbedderSettings, ValidatorSettings
from engram.errors import InvalidInput
from engram.validator.app import run_validator
from engram.validator.explain import explain as explanation_of
from engram.validator.explain import told
from engram.validator.state.database import read_only

app = typer.Typer(rich_markup_mode="rich", add_completion=False, invoke_without_command=True)


@app.callback()
def validator(
    context: typer.Context,
    data_dir: ValidatorDir = None,
    chain: Annotated[
        str | None, typer.Option(help="dev:PATH, finney, test or ws://HOST:PORT")
    ] = None,
    wallet: Annotated[
        str | None, typer.Option(metavar="NAME/HOTKEY", help="Bittensor wallet to sign with")
    ] = None,
    netuid: Annotated[int | None, typer.Option(help="subnet to judge; default: 1")] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="secret texts for the probes: a file or a folder")
    ] = None,
    host: Annotated[str | None, typer.Option(help="address to bind; default: 127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(help="port to bind, 0 picks one; default: 8100")
    ] = None,
    min_known: Annotated[
        int | None, typer.Option(help="records a miner must know before it is judged; default: 200")
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(help="auto, console or json; default: auto")
    ] = None,
) -> None:
    """Run a validator: probe and challenge miners, score them, set weights.

    Stops on Ctrl-C and SIGTERM, and goes on where it was when it is started again. Every option
    is also an environment variable: ENGRAM_VALIDATOR_ and its name.

    \b
    Examples:
      engram validator --chain dev:.engram/chain.sqlite --wallet local/validator1
      engram validator --chain finney --netuid 42 --wallet main/validator --corpus /srv/texts
      engram validator explain 7
      engram validator status
    """
    if context.invoked_subcommand is not None:
        context.obj = data_dir
        return
    chosen = settings(
        ValidatorSettings,
        data_dir=data_dir,
        chain=chain,
        wallet=wallet,
        netuid=netuid,
        corpus=corpus,
        host=host,
        port=port,
        min_known=min_known,
        log_format=log_format,
    )
    if chosen.chain is None or chosen.wallet is None:
        raise InvalidInput("Name the chain and the wallet: --chain dev:PATH --wallet NAME/HOTKEY.")
    texts = [passage["text"] for passage in passages()]
    with_model(lambda: run_validator(chosen, settings(EmbedderSettings), texts))


@app.command()
def explain(
    context: typer.Context,
    uid: Annotated[int, typer.Argument(metavar="UID", help="the miner's number")],
    data_dir: ValidatorDir = None,
    json_: Json = False,
) -> None:
    """Print why a miner has its weight, down to single probes. Reads the state; needs no server.

    \b
    Examples:
      engram validator explain 7
      engram validator explain 7 --data-dir /srv/validator --json
    """
    chosen = settings(ValidatorSettings, data_dir=data_dir or context.obj)
    with read_only(chosen.data_dir) as connection:
        explanation = explanation_of(connection, uid, chosen.window_rounds)
    if json_:
        print_json(explanation)
        return
    for line in told(explanation):
        say(line)


@app.command()
def status(
    context: typer.Context,
    data_dir: ValidatorDir = None,
    url: ValidatorUrl = None,
    json_: Json = False,
) -> None:
    """Show how the validator does: chain, cadences, its weights and their next window.

    \b
    Examples:
      engram validator status
      engram validator status --url http://127.0.0.1:8100 --json
    """
    body = fetched(url_of(url, data_dir or context.obj), "/status")
    if json_:
        print_json(body)
        return
    show(body)


def show(body: dict[str, Any]) -> None:
    """The status for a person."""
    say(f"{body['validator']}  on {body['chain']}, subnet {body['netuid']}", style="bold green")
    if not body["connected"]:
        note(f"no chain: {body['chain_problem']}")
    if not body["corpus_is_secret"]:
        note("the texts of its probes are public: good for a local network only")
    say(f"  block     {body['block']}")
    say(f"  miners    {body['miners']}")
    for name, cadence in body["cadences"].items():
        say(
            f"  {name:<10}every {cadence['every_s']:g} s   {cadence['runs']} runs   "
            f"{cadence['skipped']} left out   next in {cadence['next_in_s']:g} s"
        )
    weights = body["weights"]
    say(f"  weights   {weights['outcome'] or 'not tried yet'}: {weights['message'] or ''}")
    say(f"            next window from block {weights['next_window']}")
