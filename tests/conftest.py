"""What every test may use."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from protolith import SchemaRegistry

# No deadline: these machines are noisy, and a test must not fail because of it.
settings.register_profile("protolith", deadline=None, print_blob=True)
settings.load_profile("protolith")

ORDER = """
syntax = "proto3";
package shop;

// An order.
message Order {
  string id = 1; // Unique for ever.
  int64 cents = 2;
  repeated string tags = 3;
  Address to = 4;
  message Address { string city = 1; }
}
"""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SchemaRegistry]:
    with SchemaRegistry(tmp_path / "home") as opened:
        yield opened


@pytest.fixture(autouse=True)
def _home_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROTOLITH_HOME", str(tmp_path / "home"))


def delimited(*messages: bytes) -> bytes:
    """Messages with their length before each."""
    return b"".join(_varint(len(data)) + data for data in messages)


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])
