"""A connection that is cut at any byte, hundreds of times within one conversation.

``LIVESDK_STRESS=thousands pytest tests/faults`` cuts thousands of times.  A failure prints its
seed; ``LIVESDK_STRESS_SEED`` runs that one again, though threads take turns as they like.
"""

from __future__ import annotations

import pytest
from faults.cutting import CHUNK_MS, LONG, Talk, by_thread, first_seed, folded, marks_of, resumed

pytestmark = pytest.mark.long

CUTS = {"plain": 150, "tls": 80}
CONVERSATIONS = {"plain": 14, "tls": 13} if LONG else {"plain": 1, "tls": 1}


@pytest.mark.requires("emulator")
@pytest.mark.timeout(3600 if LONG else 120)
@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_nothing_is_lost_and_nothing_comes_twice_wherever_it_is_cut(kind, tally):
    first = first_seed()
    for seed in range(first, first + CONVERSATIONS[kind]):
        talk = Talk(seed, CUTS[kind], tls=kind == "tls", transparent=True)
        with talk.running():
            talk.everybody_sends()
            dropped_ms = talk.session.stats.media_dropped_ms
            in_state = what_the_state_holds(talk)
        log = [mark for frame in folded(talk.emulator) for mark in marks_of(frame)]
        arrived = by_thread(log)
        audio = set(talk.sent["audio"]) - set(arrived["audio"])
        lost = {t: set(n) - set(arrived.get(t, [])) for t, n in talk.sent.items() if t != "audio"}
        twice = {t: len(n) - len(set(n)) for t, n in arrived.items()}
        tally("cuts survived", talk.cuts.made)
        tally("cuts during an opening", talk.cuts.in_openings)
        tally("messages compared", len(log))
        tally("messages lost", sum(map(len, lost.values())))
        tally("messages twice", sum(twice.values()))
        tally("sends that raised", sum(map(len, talk.raised.values())))
        assert {t: n for t, n in lost.items() if n} == {}, f"seed {seed}"
        assert {t: n for t, n in twice.items() if n} == {}, f"seed {seed}"
        # a gap longer than what is kept of media drops some, and says how much
        assert len(audio) * CHUNK_MS == pytest.approx(dropped_ms), f"seed {seed}"
        # what is left is exactly what was sent, in each thread's order, and nothing that raised
        assert {t: [*n, *audio] if t == "audio" else n for t, n in arrived.items()} == {
            t: [*(n for n in ns if n not in audio), *audio] if t == "audio" else ns
            for t, ns in talk.sent.items()
        }, f"seed {seed}"
        texts = [mark for mark in log if mark[0] in ("a", "b", "c", "last")]
        assert in_state == texts, f"seed {seed}"
        assert all(info.state_restored for info in talk.infos)
        assert {info.messages_at_risk for info in talk.infos} == {0}
        assert talk.heard.kinds == ["close"]
        assert talk.session.stats.reconnects == len(talk.infos)


@pytest.mark.requires("emulator")
@pytest.mark.timeout(3600 if LONG else 120)
@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_without_numbers_nothing_comes_twice_or_out_of_order(kind, tally):
    first = first_seed()
    for seed in range(first, first + CONVERSATIONS[kind]):
        talk = Talk(seed, CUTS[kind] // 3, tls=kind == "tls", transparent=False)
        with talk.running():
            talk.everybody_sends()
            dropped_ms = talk.session.stats.media_dropped_ms
        frames = [f for c in talk.emulator.connections for f in c.frames[1:]]
        arrived = by_thread([mark for frame in frames for mark in marks_of(frame)])
        twice = {t: len(n) - len(set(n)) for t, n in arrived.items()}
        tally("cuts survived", talk.cuts.made)
        tally("cuts during an opening", talk.cuts.in_openings)
        tally("messages compared", sum(map(len, arrived.values())))
        tally("messages twice", sum(twice.values()))
        assert {t: n for t, n in twice.items() if n} == {}, f"seed {seed}"
        for thread, numbers in arrived.items():
            assert numbers == sorted(numbers), f"seed {seed}: {thread}"
            assert set(numbers) <= set(talk.sent[thread]), f"seed {seed}: {thread}"
        assert sum(info.media_dropped_ms for info in talk.infos) <= dropped_ms + 0.1


@pytest.mark.requires("emulator")
@pytest.mark.timeout(3600 if LONG else 120)
@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_the_state_lacks_no_more_than_each_loss_put_at_risk(kind, tally):
    """With one sender, which waits for the handle of each turn: nothing crosses a handle."""
    first = first_seed()
    for seed in range(first, first + CONVERSATIONS[kind]):
        talk = Talk(seed, CUTS[kind] // 3, tls=kind == "tls", transparent=False)
        with talk.running():
            talk.send_until_over(talk.says_and_waits)
            dropped_ms = talk.session.stats.media_dropped_ms
        log = [mark for frame in folded(talk.emulator) for mark in marks_of(frame)]
        assert len(log) == len(set(log)), f"seed {seed}"
        held = {thread: set(numbers) for thread, numbers in by_thread(log).items()}
        lacking = set(talk.sent["alone"]) - held.get("alone", set())
        unheard = set(talk.sent["audio"]) - held.get("audio", set())
        at_risk = sum(info.messages_at_risk for info in talk.infos)
        tally("cuts survived", talk.cuts.made)
        tally("cuts during an opening", talk.cuts.in_openings)
        tally("messages compared", len(talk.sent["alone"]))
        tally("messages that the state lacks", len(lacking))
        tally("messages at risk", at_risk)
        assert len(lacking) <= at_risk, f"seed {seed}"
        at_risk_ms = sum(info.media_at_risk_ms for info in talk.infos) + dropped_ms
        assert len(unheard) * CHUNK_MS <= at_risk_ms + 0.1, f"seed {seed}"
        for info, lacks in zip(talk.infos, lacks_after_each(talk)):
            assert lacks <= info.messages_at_risk, f"seed {seed}"


def lacks_after_each(talk: Talk):
    """Of what arrived on each connection that stood: what the one after it does not know."""
    connections = talk.emulator.connections
    stood = [connections[0], *(connections[number - 1] for number in talk.numbers)]
    for earlier, later in zip(stood, stood[1:]):
        knows = earlier.handles.get(resumed(later), 0)
        texts = [frame for frame in earlier.frames[1:][knows:] if "clientContent" in frame]
        yield len(texts)


def what_the_state_holds(talk: Talk):
    """Return the marks of texts in what the newest handle stands for, once that is everything."""
    talk.session.ask("That was all.", timeout=60.0)
    connection = talk.emulator.connections[-1]
    with talk.emulator._journal.changed:
        assert talk.emulator._journal.changed.wait_for(
            lambda: list(connection.handles.values())[-1:] == [len(connection.frames) - 1], 60.0
        )
        handle = list(connection.handles)[-1]
    snapshot = talk.emulator._house.handles.find(handle)
    assert snapshot is not None
    entries = [*snapshot.history, *snapshot.pending]
    return [mark for entry in entries if entry.role == "user" for mark in marks_of(vars_of(entry))]


def vars_of(entry):
    return {"text": entry.text}
