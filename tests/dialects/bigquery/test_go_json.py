import os
import shutil
import subprocess
from pathlib import Path

import pytest

import plugin_requests
from protolith.dialects.bigquery.go_json import quote


def test_strings_are_those_of_gos_encoder(tmp_path: Path) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("go is not installed")
    version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True)
    if not 22 <= int(version.stdout.split(".")[1]) <= 26:
        pytest.skip(f"{version.stdout.strip()} escapes differently")
    (tmp_path / "main.go").write_text(GO_QUOTE)
    raw = [bytes([a, b]) for a in range(256) for b in (0x41, 0x80, 0xBF, 0xC2, 0xE2, 0xF0)]
    raw += [text.encode() for text in map(chr, range(0x20, 0x3100))]
    raw += plugin_requests.RAW + [text.encode() for text in plugin_requests.TEXTS]
    raw += [
        b"\xf4\x90\x80\x80",
        b"\xc0\xaf",
        b"\xe2\x80\xa8\xa8",
        b"\xf0\x90\x8d",
        b"\xed\xbf\xbfx",
    ]
    done = subprocess.run(
        [go, "run", "main.go"],
        cwd=tmp_path,
        input="\n".join(text.hex() for text in raw),
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
        env=os.environ | {"GOFLAGS": "", "GO111MODULE": "off"},
    )
    ours = [quote(text.decode("utf-8", "surrogateescape")) for text in raw]
    assert done.stdout.split("\n")[:-1] == ours


GO_QUOTE = """package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		raw, _ := hex.DecodeString(lines.Text())
		text, _ := json.Marshal(string(raw))
		fmt.Println(string(text))
	}
}
"""
