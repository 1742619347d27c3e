"""What the emulator says when no scenario tells it.  Pure: from what it knows to steps.

It is a parrot with a memory: it repeats what was said, so that a test can see its own words come
back, counts turns and images, quotes earlier turns, and calls the functions that a text names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from .functions import declarations, in_words, make_args, named_in
from .memory import Entry
from .models import short_name
from .scenario import Input
from .steps import Call, Say, Step, TurnComplete

__all__ = ["Mind", "answer", "tell_results"]

_PAST = re.compile(r"what (?:did|have) (?:i|we|you)\b.*\b(?:sa(?:y|id)|talk|ask)", re.IGNORECASE)
_COUNT = re.compile(r"\bcount (?:up )?to (\d{1,3})\b", re.IGNORECASE)
_STORY = re.compile(r"\b(?:story|long answer|talk for a while|long time)\b", re.IGNORECASE)
_ECHO = re.compile(
    r"^\s*(?:please )?(?:say|repeat|echo)[:,]? +(?!what\b)(.+)$", re.IGNORECASE | re.DOTALL
)
_ORDERS = re.compile(r"\b(?:your|system) instructions?\b", re.IGNORECASE)
_HELLO = re.compile(r"^\s*(?:hello|hi|hey|good (?:morning|evening|afternoon))\b", re.IGNORECASE)

_TALE = (
    "Once there was a small server at the end of a wire.",
    "Nobody had given it a voice, so it learned to repeat what it heard.",
    "Every morning somebody asked it for the weather, and it asked somebody else.",
    "It kept each question in a drawer and each answer in another.",
    "One day a client interrupted it in the middle of a sentence.",
    "The server stopped at once, forgot the rest of the sentence, and listened.",
    "That, it found, was the whole art of conversation.",
    "From then on it told its story slowly, hoping to be interrupted again.",
    "Some clients did, some waited, and some closed the wire without a word.",
    "The server kept a record of all of them, in order, and was content.",
)


@attrs.frozen(kw_only=True)
class Mind:
    """What the brain may know of its session.

    Attributes:
        model: The full resource name.
        history: What was said before this input.
        system_instruction: In force now.
        tools: The setup's tools, or what replaced them.
        generation: The setup's ``generationConfig``.
    """

    model: str
    history: Sequence[Entry]
    system_instruction: str = ""
    tools: Sequence[Mapping[str, Any]] = ()
    generation: Mapping[str, Any] = attrs.Factory(dict)

    @property
    def users_turns(self) -> list[Entry]:
        """What the user said before."""
        return [entry for entry in self.history if entry.role == "user" and entry.text]


def answer(heard: Input, mind: Mind) -> tuple[Step, ...]:
    """Return the steps that answer an input."""
    if "translate" in short_name(mind.model):
        return (Say(_translate(heard.text, mind)),)
    before = (*_thoughts(heard, mind), *_filler(mind))
    return (*before, *(_calls(heard, mind) or [Say(_words(heard, mind))]))


def tell_results(results: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Put what functions returned into words."""
    told = []
    for name, response in results:
        verb = "failed" if set(response) == {"error"} else "says"
        told.append(f"{name} {verb}: {in_words(response)}.")
    return " ".join(told) or "The functions returned nothing."


def _translate(text: str, mind: Mind) -> str:
    language = mind.generation.get("translationConfig", {}).get("targetLanguageCode", "en")
    return f"[{language}] {text}"


def _thoughts(heard: Input, mind: Mind) -> tuple[Step, ...]:
    if not mind.generation.get("thinkingConfig", {}).get("includeThoughts"):
        return ()
    return (Say(f"The user said {heard.text!r}. I shall answer that.", thought=True),)


def _filler(mind: Mind) -> tuple[Step, ...]:
    """The extended-thinking model completes a turn before the answer is there (§13.3)."""
    if "extended-thinking" not in mind.model:
        return ()
    return (Say("Let me think about that."), TurnComplete(status="IN_PROGRESS"))


def _calls(heard: Input, mind: Mind) -> list[Step]:
    functions = declarations(mind.tools)
    return [
        Call(name, arguments)
        for name in named_in(heard.text, list(functions))
        for arguments in make_args(functions[name], heard.text)
    ]


def _words(heard: Input, mind: Mind) -> str:
    said = _reply(heard.text, mind)
    if heard.images:
        said += f" I see {heard.images} frame{'s' if heard.images != 1 else ''}."
    return said


def _reply(text: str, mind: Mind) -> str:
    earlier = mind.users_turns
    if _PAST.search(text):
        quoted = ", then ".join(f'"{entry.text}"' for entry in earlier[-3:])
        return f"Before, you said {quoted}." if quoted else "You have not said anything before."
    if _ORDERS.search(text):
        return f"My instructions are: {mind.system_instruction.rstrip('.') or 'none'}."
    count = _COUNT.search(text)
    if count:
        return ", ".join(str(number) for number in range(1, int(count[1]) + 1)) + "."
    if _STORY.search(text):
        return " ".join(_TALE)
    echo = _ECHO.match(text)
    if echo:
        return echo[1]
    return _parrot(text, len(earlier) + 1)


def _parrot(text: str, turn: int) -> str:
    hello = "Hello! " if _HELLO.match(text) else ""
    if not text:
        return f"{hello}I am listening. This is turn {turn}."
    stop = "" if text[-1] in ".!?" else "."
    return f"{hello}You said: {text}{stop} This is turn {turn}."
