"""Compiles the native decoder when the package is built; without a compiler it is left out."""

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FLAGS = ("-std=c++17", "-O2", "-fPIC", "-shared")


class NativeDecoder(BuildHookInterface):
    """Hatchling calls this before it packs a wheel, also an editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the sources beside the package's decoder, if they are newer than the result."""
        if self.target_name != "wheel" or os.environ.get("PROTOLITH_NO_NATIVE"):
            return
        folder = Path(self.root) / "src" / "protolith" / "decoding"
        library = folder / "_native.so"
        if self._compile(sorted((folder / "native").iterdir()), library):
            build_data["artifacts"].append("src/protolith/decoding/_native.so")
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"

    def _compile(self, sources: list[Path], library: Path) -> bool:
        if library.exists() and all(
            source.stat().st_mtime <= library.stat().st_mtime for source in sources
        ):
            return True
        compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
        if compiler is None:
            self.app.display_warning("no C++ compiler: the native decoder is left out")
            return False
        files = [str(source) for source in sources if source.suffix == ".cpp"]
        new = library.with_suffix(f".{os.getpid()}.new")
        command = [*shlex.split(compiler), *FLAGS, *files, "-o", str(new)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            new.unlink(missing_ok=True)
            self.app.display_warning(f"the native decoder is left out: {done.stderr[-500:]}")
            return False
        new.replace(library)
        return True
