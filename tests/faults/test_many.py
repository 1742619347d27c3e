"""Many sessions, and long ones: the fall of one is nobody else's, and nothing grows."""

from __future__ import annotations

import base64
import gc
import json
import threading
from pathlib import Path

import pytest
from faults.cutting import LONG
from rawserver import CLOSE
from recovery.stations import FAST
from relay import Relay
from session.rig import Heard, Peer, Raw, client_for
from waiting import Caught, descriptors, settled

import livesdk
from livesdk.emulator import Emulator, GoAway, Scenario

pytestmark = pytest.mark.long

PATIENCE = 60.0
TOGETHER = 20
IN_TURN, ROTATIONS = (500, 50) if LONG else (120, 12)
MINUTES = 60 if LONG else 5
CONFIG = {"response_modalities": ["TEXT"], "session_resumption": {}}
QUICK = Scenario(chunk_interval=0.0, playback_delay=0.0)
MEGABYTE = 1 << 20


def ours() -> int:
    """Count the objects of the SDK, the emulator's aside."""
    gc.collect()
    modules = [str(type(thing).__module__) for thing in gc.get_objects()]
    return sum(name.startswith("livesdk") and "emulator" not in name for name in modules)


def memory() -> int:
    """Bytes that the process has in memory; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * 4096 if statm.is_file() else 0


def threads() -> list[str]:
    return sorted(t.name for t in threading.enumerate() if t.name.startswith("livesdk-"))


@pytest.mark.requires("emulator")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_of_twenty_sessions_one_is_killed_and_the_others_do_not_notice(tls, tally):
    with (
        Emulator(QUICK, tls=tls, voice="tones") as emulator,
        Relay(("127.0.0.1", emulator.port)) as relay,
    ):
        scheme = "https" if tls else "http"
        through = {"base_url": f"{scheme}://127.0.0.1:{relay.port}"}
        heards = [Heard() for _ in range(TOGETHER)]
        sessions = [
            client_for(
                emulator, proxy="", **({} if number else {"http_options": through})
            ).live.connect("m", CONFIG, heard.callbacks(), reconnect=False, timeout=PATIENCE)
            for number, heard in enumerate(heards)
        ]
        victim, *others = sessions
        halfway = threading.Barrier(TOGETHER)

        def converse(session: livesdk.Session) -> list[str]:
            texts = []
            for number in range(20):
                if number == 5:
                    halfway.wait(PATIENCE)
                texts.append(session.ask(f"Say {number}", timeout=PATIENCE).text)
            return texts

        calls = [Caught(converse, session) for session in others]
        halfway.wait(PATIENCE)  # all others are in the middle of it
        relay.reset()
        assert victim.wait_closed(PATIENCE).code == 1006
        for call in calls:
            assert call.outcome(PATIENCE) == [str(number) for number in range(20)]
        for session, heard in zip(others, heards[1:]):
            assert session.close_info is None
            assert {"error", "close"}.isdisjoint(heard.kinds)
            session.close()
        tally("sessions beside one that was killed", len(others))


@pytest.mark.requires("emulator")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_session_after_session_leaves_nothing(tls, tally):
    with Emulator(QUICK, tls=tls, voice="tones", record=False) as emulator:
        client = client_for(emulator, proxy="")

        def one_session(*, rotates: bool) -> None:
            heard = Heard()
            callbacks = heard.callbacks(on_reconnect=heard.hears("reconnect"))
            with client.live.connect("m", CONFIG, callbacks, reconnect=FAST) as session:
                assert session.ask("Say one", timeout=PATIENCE).text == "one"
                if rotates:
                    emulator.inject(GoAway("50s"))
                    assert heard.wait("reconnect", timeout=PATIENCE).planned
                    assert session.ask("Say two", timeout=PATIENCE).text == "two"

        for rotates in (False, True) * 5:  # what is made once is made
            one_session(rotates=rotates)
        assert settled(lambda: len(threads()) == 1), threads()  # the emulator's
        before = ours(), descriptors(), memory()
        every = IN_TURN // ROTATIONS
        for number in range(IN_TURN):
            one_session(rotates=number % every == 0)
        assert settled(lambda: len(threads()) == 1), threads()
        assert settled(lambda: descriptors() <= before[1])
        assert settled(lambda: ours() <= before[0])
        assert memory() - before[2] < 8 * MEGABYTE  # the emulator's records of connections
        tally("sessions one after another", IN_TURN)
        tally("rotations among them", ROTATIONS)


class Telephone:
    """A server that speaks without a pause and listens as fast as it can."""

    def __init__(self, chunks: int) -> None:
        sound = base64.b64encode(bytes(1920)).decode()  # 40 ms of 24 000 Hz
        part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": sound}}
        self._message = json.dumps({"serverContent": {"modelTurn": {"parts": [part]}}}).encode()
        self._chunks = chunks
        self.heard = 0

    def __call__(self, peer: Peer) -> None:
        peer.open()
        mouth = threading.Thread(target=self._speak, args=(peer,), daemon=True)
        mouth.start()
        while True:
            opcode, payload = peer.read()
            peer.frames.clear()
            self.heard += b'"audio"' in payload
            if opcode == CLOSE:
                mouth.join(PATIENCE)
                peer.send(payload, CLOSE)
                return

    def _speak(self, peer: Peer) -> None:
        for _ in range(self._chunks):
            peer.send(self._message)


@pytest.mark.timeout(3600 if LONG else 120)
def test_hours_of_sound_both_ways_take_no_more_memory_than_minutes(tally):
    up, down = MINUTES * 3000, MINUTES * 1500  # of 20 and of 40 ms
    server = Telephone(down)
    received = 0
    all_received = threading.Event()
    measured: list[tuple[int, int]] = []

    def hear(message: livesdk.LiveServerMessage) -> None:
        nonlocal received
        received += len(message.data or b"")
        if received == down * 1920:
            all_received.set()

    def chunks():
        for number in range(up):
            if number == up // 5 or number == up - 1:
                measured.append((ours(), memory()))
            yield bytes(640)

    with Raw(server) as raw:
        # once it has spoken this server is silent: it answers no ping
        client = client_for(raw, proxy="", liveness_timeout=None)
        with client.live.connect(
            "m", {"response_modalities": ["AUDIO"]}, {"onmessage": hear}
        ) as session:
            session.send_media_stream(chunks(), realtime=False, end=False)
            assert all_received.wait(PATIENCE * MINUTES)
            stats = session.stats
        assert settled(lambda: server.heard == up, PATIENCE)
    assert stats.messages_sent == up
    assert stats.media_dropped_ms == 0
    (objects, bytes_early), (objects_late, bytes_late) = measured
    assert objects_late <= objects + 100  # messages on their way to the callback
    assert bytes_late - bytes_early < 8 * MEGABYTE
    tally("minutes of sound each way", MINUTES)
