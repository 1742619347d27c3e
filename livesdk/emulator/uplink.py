"""``realtimeInput``: sound, images, typed text and the marks of activity (Protocol §5).

A user's turn ends with speech, with ``audioStreamEnd``, with ``activityEnd`` where detection is
off, or with typed text.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

from ._recognise import recognise
from .base import refuse
from .conversation import Conversation
from .hearing import Ear, Event, describe
from .memory import Entry
from .output import Output
from .profile import Profile
from .scenario import Script
from .transcriber import Transcriber

__all__ = ["Uplink"]

_MIME_TYPES = {"audio": "audio/", "video": "image/"}  # §5


class Uplink:
    """The realtime side of one session.

    Attributes:
        images: How many images came since the last turn.
    """

    def __init__(
        self,
        output: Output,
        profile: Profile,
        script: Script,
        conversation: Conversation,
    ) -> None:
        self._output = output
        self._profile = profile
        self._script = script
        self._conversation = conversation
        config: Mapping[str, Any] = profile.setup.get("realtimeInputConfig", {})
        self._phrases = script.scenario.phrases
        self._ear = Ear(config, keeps=bool(self._phrases))
        self._texts: list[str] = []
        self._transcriber: Transcriber | None = None
        if profile.transcribes_only:
            self._transcriber = Transcriber(
                output,
                script,
                vertex=profile.address.is_vertex,
                timestamps=bool(config.get("interimTranscriptTimestampEnabled")),
            )
        self.images = 0

    def handle(self, given: dict[str, Any]) -> None:
        """Take one ``realtimeInput``; several fields may be set."""
        self._check(given)
        if "activityStart" in given:
            self._started()
        for blob in given.get("mediaChunks", [])[:1]:  # only the first counts (§5)
            is_image = str(blob.get("mimeType", "")).startswith(("image/", "video/"))
            self._image(blob) if is_image else self._audio(blob, given)
        if "audio" in given:
            self._audio(given["audio"], given)
        if "video" in given:
            self._image(given["video"])
        if "text" in given:
            self._typed(given["text"], given)
        if given.get("audioStreamEnd"):
            self._follow(self._ear.flush(), given)
        if "activityEnd" in given:
            self._ended(given)

    def take_images(self) -> int:
        """Return how many images wait for a turn, and forget them."""
        images, self.images = self.images, 0
        return images

    def _check(self, given: dict[str, Any]) -> None:
        for name, prefix in _MIME_TYPES.items():
            kind = str(given.get(name, {}).get("mimeType", ""))
            if name in given and not kind.lower().startswith(prefix):
                refuse(f"realtimeInput.{name}.mimeType must be {prefix}*, got {kind[:40]!r}.")
        if ("activityStart" in given or "activityEnd" in given) and not self._ear.manual:
            refuse(
                "Explicit activity control is not supported when automatic activity detection is "
                "enabled."
            )
        if given.get("audioStreamEnd") and self._ear.manual:
            refuse("audioStreamEnd is only supported when automatic activity detection is enabled.")

    def _audio(self, blob: dict[str, Any], given: dict[str, Any]) -> None:
        self._follow(self._ear.feed(blob, _bytes_of(blob)), given)
        if self._transcriber is not None and self._ear.speaking:
            self._transcriber.progress(self._ear.heard_ms)

    def _follow(self, events: list[Event], given: dict[str, Any]) -> None:
        for kind, at_ms in events:
            if kind == "start":
                self._started(at_ms)
            elif self._ear.speaking:
                self._ended(given, at_ms)

    def _image(self, blob: dict[str, Any]) -> None:
        _bytes_of(blob)
        self.images += 1

    def _typed(self, text: str, given: dict[str, Any]) -> None:
        if self._transcriber is not None:
            return  # audio input only (§15)
        if self._ear.manual and self._ear.speaking:
            self._texts.append(text)
            return
        if self._profile.may_interrupt:
            self._conversation.interrupt()
        self._conversation.hear("text", Entry("user", text, self.take_images()), given)

    def _started(self, at_ms: float | None = None) -> None:
        self._ear.start(at_ms)
        self._conversation.user_speaking = True
        self._signal("ACTIVITY_START")
        if self._transcriber is not None:
            self._transcriber.start()
        elif self._profile.may_interrupt:
            self._conversation.interrupt()

    def _ended(self, given: dict[str, Any], at_ms: float | None = None) -> None:
        length_ms = self._ear.stop(at_ms)
        self._conversation.user_speaking = False
        self._signal("ACTIVITY_END")
        texts, self._texts = self._texts, []
        if self._transcriber is not None:
            self._transcriber.finish(length_ms)
        elif not (length_ms or texts or self.images):
            self._conversation.go_on()
        else:
            self._heard(length_ms, texts, given)

    def _heard(self, length_ms: float, texts: list[str], given: dict[str, Any]) -> None:
        kind = "audio" if length_ms else "text"
        if length_ms:
            spoken = self._recognised() or self._script.next_heard() or describe(length_ms)
            texts.insert(0, spoken)
            if self._profile.wants_input_transcript:
                self._transcribe(spoken)
        entry = Entry("user", " ".join(texts), self.take_images(), length_ms)
        self._conversation.hear(kind, entry, given)

    def _recognised(self) -> str | None:
        return recognise(*self._ear.kept, self._phrases) if self._phrases else None

    def _transcribe(self, spoken: str) -> None:
        """In pieces that are appended (§13.10)."""
        words = spoken.split(" ")
        half = (len(words) + 1) // 2
        head, tail = " ".join(words[:half]), " ".join(words[half:])
        if tail:
            self._output.content(inputTranscription={"text": head})
            head = f" {tail}"
        self._output.content(inputTranscription={"text": head, "finished": True})

    def _signal(self, kind: str) -> None:
        """Only where ``explicitVadSignal`` was asked for (§8.7)."""
        if self._profile.setup.get("explicitVadSignal"):
            offset = f"{self._ear.total_ms / 1000:.3f}s"
            self._output.message({"voiceActivity": {"type": kind, "audioOffset": offset}})


def _bytes_of(blob: dict[str, Any]) -> bytes:
    """Decode either alphabet, padding optional (§13.2)."""
    text = str(blob.get("data", "")).rstrip("=")
    padded = text + "=" * (-len(text) % 4)
    try:
        return (urlsafe_b64decode if "-" in text or "_" in text else b64decode)(padded)
    except binascii.Error as error:
        refuse(f"Invalid value at 'realtime_input' (TYPE_BYTES), Base64 decoding failed: {error}")
