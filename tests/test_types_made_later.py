"""attrs makes the constructor of a message class at its first use, and nobody can tell."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
import threading

import attrs
import pytest
from waiting import Caught

from livesdk import types
from livesdk.types._base import Model, define, frozen


@pytest.fixture
def fresh():
    @define(kw_only=True, eq=False, repr=False, slots=False)
    class Fresh(Model):
        """Nobody has used it yet."""

        text: str | None = None
        extra: dict | None = None

    return Fresh


def test_importing_makes_no_constructor():
    program = (
        "import livesdk; from livesdk._records import Later\n"
        "for name in ('Client', 'Session', 'LiveConnectConfig', 'LiveServerMessage'):\n"
        "    getattr(livesdk, name)\n"
        "assert isinstance(vars(livesdk.LiveConnectConfig)['__attrs_attrs__'], Later)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_attributes_read_as_none_before_and_after(fresh):
    bare = object.__new__(fresh)
    assert bare.text is None
    assert fresh(text="a").text == "a"
    assert bare.text is None
    assert fresh().extra is None


def test_an_unknown_keyword_is_refused_by_the_first_call_already(fresh):
    with pytest.raises(TypeError, match="unexpected keyword argument 'txt'"):
        fresh(txt="a")


def test_threads_that_come_first_together_all_get_theirs(fresh):
    barrier = threading.Barrier(8)

    def make(number: int) -> str:
        barrier.wait(10)
        return fresh(text=str(number)).text

    calls = [Caught(make, number) for number in range(8)]
    assert [call.result() for call in calls] == [str(number) for number in range(8)]


def test_attrs_knows_the_class(fresh):
    assert attrs.has(fresh)
    assert [attribute.name for attribute in attrs.fields(fresh)] == ["text", "extra"]
    assert attrs.evolve(fresh(text="a"), extra={}).text == "a"
    assert "text" in inspect.signature(fresh).parameters


def test_the_base_is_no_class_of_attrs():
    assert not attrs.has(Model)


def test_a_frozen_class_refuses_changes():
    @frozen(kw_only=True, eq=False, repr=False)
    class Config(Model):
        """Frozen."""

        seed: int | None = None

    config = Config(seed=1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        config.seed = 2
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del config.seed
    assert config.seed == 1


def test_a_subclass_uses_what_its_base_was_given():
    content = types.UserContent("Hello")
    assert content.role == "user"
    assert content.parts[0].text == "Hello"
    assert [attribute.name for attribute in attrs.fields(types.UserContent)][:2] == [
        "parts",
        "role",
    ]


def test_objects_survive_pickling():
    config = types.LiveConnectConfig(response_modalities=["AUDIO"])
    assert pickle.loads(pickle.dumps(config)) == config


def test_importing_makes_no_enum_of_configs():
    program = (
        "import sys, livesdk\n"
        "livesdk.Client, livesdk.Session, livesdk.LiveConnectConfig, livesdk.LiveServerMessage\n"
        "from livesdk.types.enums import Modality\n"
        "assert 'livesdk.types.choices' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_enums_of_configs_are_found_where_they_were():
    from livesdk.types import choices, enums

    assert enums.Voices is choices.Voices is types.Voices
    with pytest.raises(AttributeError, match="Behaviour"):
        enums.Behaviour  # noqa: B018  # the look-up is the test
