"""Text in the encodings and with the line ends that editors and shells write."""

from __future__ import annotations

from pathlib import Path

import pytest

import cnncalc

WORDS = "1x8x9\nconv:2,k3 # größer\nrelu\n"
JSON = '{\n"name": "größer",\n"input": [1, 8, 9],\n"layers": [{"op": "conv", "c_o": 2, "k": 3},\n{"op": "relu"}]}'


@pytest.mark.parametrize("text", [WORDS, JSON])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_spec_is_read_alike(text: str, end: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "net"
    path.write_bytes(text.replace("\n", end).encode(encoding))
    assert [layer.op for layer in cnncalc.shape(str(path)).layers] == ["conv", "relu"]


def test_what_only_begins_as_utf_16_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "net"
    path.write_bytes(b"\xff\xfea")
    with pytest.raises(cnncalc.SpecError, match="is not text: byte 0x61 at offset 2 is not UTF-16"):
        cnncalc.load(str(path))
