"""One search over the network: who is asked, who answered, what they found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from engram.dht import Member
from engram.errors import EngramError, ServerUnreachable
from engram.sdk.network.ask import Asking
from engram.sdk.network.fanout import Fanout, Reply
from engram.sdk.network.merge import wrong_with
from engram.sdk.network.needed import Needed
from engram.sdk.network.results import Rejected, Silent, name_of
from engram.sdk.results import Results
from engram.sdk.wire import Call


@dataclass(slots=True)
class Answers:
    """What came of asking."""

    began: float
    """Monotonic seconds."""
    asked: dict[int, Member] = field(default_factory=dict)
    """By UID."""
    found: dict[int, Results] = field(default_factory=dict)
    """By UID of those that answered."""
    searched_ms: dict[int, float] = field(default_factory=dict)
    """How long the search had run when each answer came, by UID."""
    silent: dict[int, Silent] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)


class Search:
    """Sends one call to the members that it takes, and to more when these are late."""

    def __init__(
        self, asking: Asking, needed: Needed, call: Call[Results], top_k: int, deadline: float
    ) -> None:
        self._asking = asking
        self._needed = needed
        self._call = call
        self._top_k = top_k
        self._deadline = deadline
        self.answers = Answers(asking.monotonic())

    async def run(self) -> None:
        """Ask whom it takes. Everything that came before the deadline, and who did not answer.

        Ends early once every key had a holder that answered and nobody is due any more: a member
        that is later than its p95 is not waited for if others hold what it holds.
        """
        await self._ask_all(self._needed.first(), set())

    async def instead_of(self, doubted: Collection[int], deadline: float) -> bool:
        """Ask whoever holds what otherwise only the ``doubted`` UIDs do; False if nobody does."""
        self._deadline = deadline
        unsure = self.answers.silent.keys() | doubted
        more = self._needed.also(unsure, self.answers.asked.keys())
        if more:
            await self._ask_all(more, set(doubted))
        return bool(more)

    async def _ask_all(self, members: tuple[Member, ...], doubted: set[int]) -> None:
        answers = self.answers
        async with Fanout[Results](self._asking, self._deadline) as fanout:
            self._ask(fanout, members)
            while fanout.busy and not fanout.over:
                for reply in await fanout.step():
                    self._note(reply)
                unsure = fanout.late | answers.silent.keys() | doubted
                self._ask(fanout, self._needed.also(unsure, answers.asked.keys()))
                if not fanout.due and not self._needed.missing(answers.found.keys()):
                    break
        for member in fanout.given_up:
            answers.silent[member.uid] = Silent(name_of(member), "no answer in time")

    def _ask(self, fanout: Fanout[Results], members: tuple[Member, ...]) -> None:
        for member in members:
            self.answers.asked[member.uid] = member
            fanout.put(member, self._call)

    def _note(self, reply: Reply[Results]) -> None:
        answers, member = self.answers, reply.member
        if reply.result is None:
            self._failed(member, reply.error)
            return
        if (reason := wrong_with(reply.result, self._top_k)) is not None:
            self._asking.standing.lied(member, reason)
            answers.rejected.append(Rejected(name_of(member), None, reason, lie=True))
            answers.silent[member.uid] = Silent(name_of(member), reason)
            return
        answers.found[member.uid] = reply.result
        answers.searched_ms[member.uid] = (reply.at - answers.began) * 1000

    def _failed(self, member: Member, error: EngramError | None) -> None:
        said = "no answer" if error is None else _reason(error)
        self.answers.silent[member.uid] = Silent(name_of(member), said)


def _reason(error: EngramError) -> str:
    if isinstance(error, ServerUnreachable):
        return error.message.partition("(")[2].partition(").")[0] or "no connection"
    return error.message
