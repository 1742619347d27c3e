"""A certificate authority and a server certificate, made for one emulator and thrown away with it.

No secret ships with the package and no further package is needed: the few structures of X.509 are
written here (RFC 5280 §4.1, in DER), signed with ECDSA on P-256 (FIPS 186-4 §6.4, SEC 1).  The
arithmetic is plain and slow, and not hardened against anyone who can time it: fit for a loopback
server in a test, and for nothing else.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import ipaddress
import secrets
import shutil
import ssl
import tempfile
from pathlib import Path
from typing import Optional

import attrs

__all__ = ["Certificates"]

# The curve P-256: y² = x³ - 3x + b over the integers modulo _P (SEC 2 §2.4.2).
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_Point = Optional[tuple[int, int]]  # None is the point at infinity

_DAYS = 2


@attrs.define
class Certificates:
    """What a TLS server needs, in a folder of its own.

    Attributes:
        context: For the server.
        ca_file: The authority's certificate, for clients.
    """

    context: ssl.SSLContext
    ca_file: str
    _folder: Path

    @classmethod
    def make(cls, host: str) -> Certificates:
        """Make both certificates, good for ``host``, ``localhost`` and the loopback addresses."""
        folder = Path(tempfile.mkdtemp(prefix="livesdk-emulator-"))
        authority, server = _Key(), _Key()
        ca = _certificate("livesdk emulator CA", authority, "livesdk emulator CA", authority)
        leaf = _certificate("livesdk emulator", server, "livesdk emulator CA", authority, host)
        (folder / "ca.pem").write_text(_pem("CERTIFICATE", ca))
        (folder / "server.pem").write_text(
            _pem("CERTIFICATE", leaf) + _pem("EC PRIVATE KEY", server.to_der())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        (folder / "server.pem").unlink()
        return cls(context, str(folder / "ca.pem"), folder)

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)


# The curve ---------------------------------------------------------------------------------------


def _add(one: _Point, other: _Point) -> _Point:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % _P == 0:
        return None
    if one == other:
        slope = 3 * (x1 * x1 - 1) * pow(2 * y1, -1, _P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, _P)
    x3 = (slope * slope - x1 - x2) % _P
    return x3, (slope * (x1 - x3) - y1) % _P


def _times(factor: int, point: _Point) -> tuple[int, int]:
    total: _Point = None
    while factor:
        if factor & 1:
            total = _add(total, point)
        point = _add(point, point)
        factor >>= 1
    assert total is not None
    return total


class _Key:
    """A private key and its public point."""

    def __init__(self) -> None:
        self._secret = 1 + secrets.randbelow(_ORDER - 1)
        x, y = _times(self._secret, _BASE)
        self.public = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")

    @property
    def name(self) -> bytes:
        """The key identifier of RFC 5280 §4.2.1.2."""
        return hashlib.sha1(self.public, usedforsecurity=False).digest()

    def sign(self, message: bytes) -> bytes:
        """Sign with ECDSA and SHA-256."""
        digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
        while True:
            nonce = 1 + secrets.randbelow(_ORDER - 1)
            r = _times(nonce, _BASE)[0] % _ORDER
            s = pow(nonce, -1, _ORDER) * (digest + r * self._secret) % _ORDER
            if r and s:
                return _sequence(_integer(r), _integer(s))

    def to_der(self) -> bytes:
        """The private key in the form of SEC 1 §C.4."""
        return _sequence(
            _integer(1),
            _tagged(0x04, self._secret.to_bytes(32, "big")),
            _tagged(0xA0, _oid("1.2.840.10045.3.1.7")),
            _tagged(0xA1, _bits(self.public)),
        )


# X.509 -------------------------------------------------------------------------------------------

_ECDSA_SHA256 = "1.2.840.10045.4.3.2"


def _certificate(
    subject: str, key: _Key, issuer: str, signer: _Key, host: str | None = None
) -> bytes:
    """A certificate for ``key``: an authority's without ``host``, a server's with it."""
    now = dt.datetime.now(dt.timezone.utc)
    algorithm = _sequence(_oid(_ECDSA_SHA256))
    public_key = _sequence(
        _sequence(_oid("1.2.840.10045.2.1"), _oid("1.2.840.10045.3.1.7")), _bits(key.public)
    )
    body = _sequence(
        _tagged(0xA0, _integer(2)),  # version 3
        _integer(secrets.randbits(120) | 1 << 119),
        algorithm,
        _name(issuer),
        _sequence(*(_time(now + dt.timedelta(days=days)) for days in (-1, _DAYS))),
        _name(subject),
        public_key,
        _tagged(0xA3, _sequence(*_extensions(key, signer, host))),
    )
    return _sequence(body, algorithm, _bits(signer.sign(body)))


def _extensions(key: _Key, signer: _Key, host: str | None) -> list[bytes]:
    """The ones that strict verification asks for (RFC 5280 §4.2.1)."""
    same = [
        _extension("2.5.29.14", _tagged(0x04, key.name)),
        _extension("2.5.29.35", _sequence(_tagged(0x80, signer.name))),
    ]
    if host is None:
        return [
            _extension("2.5.29.19", _sequence(_tagged(0x01, b"\xff")), critical=True),
            _extension("2.5.29.15", _tagged(0x03, b"\x02\x04"), critical=True),  # keyCertSign
            *same,
        ]
    return [
        _extension("2.5.29.19", _sequence(), critical=True),
        _extension("2.5.29.15", _tagged(0x03, b"\x07\x80"), critical=True),  # digitalSignature
        _extension("2.5.29.37", _sequence(_oid("1.3.6.1.5.5.7.3.1"))),  # serverAuth
        _extension("2.5.29.17", _sequence(*_host_names(host))),
        *same,
    ]


def _host_names(host: str) -> list[bytes]:
    names = []
    for name in dict.fromkeys([host, "localhost", "127.0.0.1", "::1"]):
        try:
            names.append(_tagged(0x87, ipaddress.ip_address(name).packed))
        except ValueError:
            names.append(_tagged(0x82, name.encode("ascii")))
    return names


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    flag = _tagged(0x01, b"\xff") if critical else b""
    return _sequence(_oid(oid), flag, _tagged(0x04, value))


def _name(common_name: str) -> bytes:
    attribute = _sequence(_oid("2.5.4.3"), _tagged(0x0C, common_name.encode()))
    return _sequence(_tagged(0x31, attribute))


def _time(moment: dt.datetime) -> bytes:
    return _tagged(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())


# DER ---------------------------------------------------------------------------------------------


def _tagged(tag: int, body: bytes) -> bytes:
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def _sequence(*items: bytes) -> bytes:
    return _tagged(0x30, b"".join(items))


def _integer(number: int) -> bytes:
    return _tagged(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _bits(body: bytes) -> bytes:
    return _tagged(0x03, b"\x00" + body)


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    return _tagged(0x06, bytes([40 * first + second]) + b"".join(map(_base128, rest)))


def _base128(number: int) -> bytes:
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(0x80 | number & 0x7F)
    return bytes(reversed(groups))


def _pem(kind: str, der: bytes) -> str:
    text = base64.encodebytes(der).decode().strip()
    return f"-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n"
