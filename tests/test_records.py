"""Records compare, hash and show themselves as attrs would have it, and are made when used."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import threading
from typing import Any, Optional

import attrs
import pytest
from attrs import Factory, field
from waiting import Caught

import livesdk
from livesdk._records import Later, define, frozen

MATCHED = ("name", "count", "secret", "sound", "tags")
"""On 3.9, attrs leaves ``__match_args__`` out."""


def like_attrs(kind: str, **options: Any):
    """The same record twice: ours, and as attrs makes it."""
    made = []
    for decorator in ({"define": define, "frozen": frozen}[kind], getattr(attrs, kind)):

        class Record:
            name: str
            count: int = 3
            secret: Optional[str] = field(default=None, repr=False)
            sound: bytes = field(default=b"", repr=lambda sound: f"<{len(sound)} bytes>")
            tags: list[str] = Factory(list)

        Record.__qualname__ = "Record"
        made.append(decorator(**options)(Record))
    return made


@pytest.fixture(params=["define", "frozen"])
def both(request):
    return like_attrs(request.param)


def test_a_record_shows_itself_as_attrs_would(both):
    ours, theirs = (cls("a", secret="b", sound=b"cc") for cls in both)
    assert repr(ours) == repr(theirs) == "Record(name='a', count=3, sound=<2 bytes>, tags=[])"


def test_records_of_equal_values_and_one_class_are_equal(both):
    ours, theirs = both
    assert ours("a") == ours("a")
    assert ours("a") != ours("b")
    assert ours("a") != theirs("a")
    assert ours("a") != "a"


def test_a_default_is_made_anew_for_each(both):
    ours, _ = both
    first, second = ours("a"), ours("b")
    first.tags.append("x")
    assert second.tags == []


def test_the_class_itself_holds_no_defaults(both):
    ours, _ = both
    assert not hasattr(ours, "count")
    assert not hasattr(ours, "tags")


def test_a_wrong_argument_is_told_in_the_same_words(both):
    words = []
    for cls in both:
        with pytest.raises(TypeError) as caught:
            cls()
        words.append(str(caught.value))
    assert words[0] == words[1]


def test_attrs_knows_the_record(both):
    ours, theirs = both
    assert attrs.has(ours)
    assert [f.name for f in attrs.fields(ours)] == [f.name for f in attrs.fields(theirs)]
    assert [f.type for f in attrs.fields(ours)] == [f.type for f in attrs.fields(theirs)]
    assert attrs.evolve(ours("a"), count=4) == ours("a", 4)
    assert attrs.asdict(ours("a")) == attrs.asdict(theirs("a"))
    assert ours.__match_args__ == getattr(theirs, "__match_args__", MATCHED)


def test_keywords_only_is_kept():
    ours, theirs = like_attrs("frozen", kw_only=True)
    with pytest.raises(TypeError):
        ours("a")
    assert ours(name="a").name == "a"
    assert ours.__match_args__ == getattr(theirs, "__match_args__", ()) == ()


def test_without_eq_a_record_is_equal_to_itself_alone():
    ours, _ = like_attrs("frozen", eq=False)
    one = ours("a")
    assert one == one  # noqa: PLR0124  # that is the test
    assert one != ours("a")
    assert isinstance(hash(one), int)


def test_what_may_change_has_no_hash_and_what_may_not_does():
    with pytest.raises(TypeError, match="unhashable"):
        hash(like_attrs("define")[0]("a"))
    ours = livesdk.CloseInfo(code=1000)
    assert hash(ours) == hash(livesdk.CloseInfo(code=1000))
    assert len({ours, livesdk.CloseInfo(code=1000), livesdk.CloseInfo(code=1001)}) == 2


def test_validators_and_what_comes_after_are_run():
    @define
    class Record:
        count: int = field(default=3, validator=attrs.validators.gt(0))

        def __attrs_post_init__(self) -> None:
            self.count *= 2

    assert Record().count == 6
    with pytest.raises(ValueError, match="must be > 0"):
        Record(0)


def test_a_frozen_record_refuses_changes():
    ours, _ = like_attrs("frozen")
    one = ours("a")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.name = "b"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del one.name
    assert one.name == "a"


def test_threads_that_come_first_together_all_get_theirs():
    ours, _ = like_attrs("frozen")
    barrier = threading.Barrier(8)

    def make(number: int) -> str:
        barrier.wait(10)
        return ours(str(number)).name

    calls = [Caught(make, number) for number in range(8)]
    assert [call.result() for call in calls] == [str(number) for number in range(8)]


def test_a_subclass_of_a_record_takes_its_arguments_and_more():
    class Mine(livesdk.LiveCallbacks):
        """A program's own."""

    @attrs.frozen(kw_only=True)
    class Wider(livesdk.LiveCallbacks):
        """A program's own, with a field more."""

        name: str = "x"

    assert Mine(dispatch="manual").dispatch == "manual"
    assert Wider(dispatch="manual", name="y").name == "y"


def test_records_survive_copying_and_pickling():
    info = livesdk.CloseInfo(code=1011, reason="why")
    assert pickle.loads(pickle.dumps(info)) == info
    assert copy.deepcopy(info) == copy.copy(info) == info


def test_a_pickle_is_whole_where_nobody_has_made_such_a_record_yet():
    program = (
        "import pickle, sys, livesdk\n"
        "one, two = pickle.loads(sys.stdin.buffer.read())\n"
        "assert repr(one) == sys.argv[1], one\n"
        "assert one == two and hash(one) == hash(two)\n"
    )
    info = livesdk.CloseInfo(code=1011, reason="why")
    done = subprocess.run(
        [sys.executable, "-c", program, repr(info)],
        input=pickle.dumps((info, copy.copy(info))),
        check=True,
        timeout=60,
    )
    assert done.returncode == 0


def test_importing_makes_no_constructor():
    program = (
        "import livesdk; from livesdk._records import Later\n"
        "for name in ('Client', 'Session', 'LiveConnectConfig', 'LiveServerMessage'):\n"
        "    getattr(livesdk, name)\n"
        "for cls in (livesdk.Turn, livesdk.CloseInfo, livesdk.SessionStats):\n"
        "    assert isinstance(vars(cls)['__attrs_attrs__'], Later), cls\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_who_asks_for_the_fields_gets_them_before_anybody_made_one():
    ours, _ = like_attrs("frozen")
    assert isinstance(vars(ours)["__attrs_attrs__"], Later)
    assert attrs.fields(ours).count.default == 3


LOOKED_AT = """
import inspect, sys
import livesdk

for name in sys.argv[1:]:
    cls = getattr(livesdk, name)
    before = inspect.signature(cls)
    assert list(before.parameters) == [field.name for field in cls.__attrs_attrs__], (name, before)
    assert all(p.kind is p.KEYWORD_ONLY for p in before.parameters.values()), (name, before)
    assert before == inspect.signature(cls)
    assert not hasattr(cls, "__signature__")
"""
KEYWORDS = ("LiveConnectConfig", "LiveCallbacks", "ReconnectPolicy", "Blob", "FirebaseOptions")


def python(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        check=True,
        timeout=60,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    return done.stdout


def test_the_signature_is_right_before_anybody_made_a_record():
    python(LOOKED_AT, *KEYWORDS)


def test_the_signature_is_that_of_attrs(both):
    ours, theirs = both
    assert inspect.signature(ours) == inspect.signature(theirs)


def test_a_subclass_has_its_own_signature_or_that_of_its_base(both):
    class Mine(both[0]):
        """A program's own."""

    class Narrow(both[0]):
        """With a constructor of its own."""

        def __init__(self, name: str) -> None:
            super().__init__(name)

    assert list(inspect.signature(Narrow).parameters) == ["name"]
    assert inspect.signature(Mine) == inspect.signature(both[1])


HELP = "import livesdk, pydoc, sys\nfor n in sys.argv[1:]: pydoc.help(getattr(livesdk, n))"


def test_help_shows_the_signature_of_what_nobody_has_made_yet():
    shown = python(HELP, "Turn", *KEYWORDS)
    for name in ("Turn", *KEYWORDS):
        assert f"\n |  {name}(" in shown
    assert "**given" not in shown
    assert "__signature__" not in shown
