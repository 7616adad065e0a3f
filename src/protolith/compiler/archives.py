"""Source files out of a zip archive, which is read in memory and never extracted."""

import io
import stat
import struct
import zipfile
import zlib

from protolith.compiler.limits import DEFAULT_LIMITS, Limits
from protolith.compiler.sources import Budget, SourceFile, Sources, check_name, shown
from protolith.errors import BundleError, TooLargeError

_ENTRY_SIGNATURE = b"PK\x01\x02"
_ENTRIES_PER_FILE = 10
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others can ask for gigabytes to inflate
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    UnicodeDecodeError,
    ValueError,
)


def open_zip(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Sources:
    """The `.proto` files of a zip archive, under their names in it; other files are ignored.

    Raises `BundleError` for an archive that is broken, encrypted, or holds anything but regular
    files and folders, and `TooLargeError` where it inflates to more than is allowed.
    """
    # Counting a signature costs nothing; zipfile makes an object of each of 100,000 entries.
    most = limits.files * _ENTRIES_PER_FILE
    if len(data) > 2 * limits.bundle_bytes or data.count(_ENTRY_SIGNATURE) > most:
        raise TooLargeError(
            f"the archive has more than {2 * limits.bundle_bytes:,} bytes or {most:,} entries",
            hint="send only the .proto files that the schema imports",
        )
    budget = Budget(limits)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [
                _read(archive, entry, budget) for entry in archive.infolist() if _is_source(entry)
            ]
    except _BROKEN as error:
        raise BundleError(f"the archive cannot be read: {shown(str(error))}") from None
    if not files:
        raise BundleError("the archive has no .proto file")
    return Sources(tuple(files))


def _is_source(entry: zipfile.ZipInfo) -> bool:
    name = entry.orig_filename  # zipfile cuts `filename` at a NUL
    mode = entry.external_attr >> 16
    if name.endswith("/") and stat.S_IFMT(mode) in (0, stat.S_IFDIR):
        return False
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG) or mode & (stat.S_ISUID | stat.S_ISGID):
        raise BundleError(
            f"{shown(name)} is not a regular file",
            hint="leave out links, devices and files that run as another user",
        )
    return name.endswith(".proto") and not name.startswith("__MACOSX/")


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: Budget) -> SourceFile:
    name = entry.orig_filename
    check_name(name)
    if entry.flag_bits & _ENCRYPTED:
        raise BundleError(f"{shown(name)} is encrypted", hint="make the archive without a password")
    if entry.compress_type not in _METHODS:
        raise BundleError(
            f"{shown(name)} is compressed in an unusual way",
            hint="use the ordinary method of zip, deflate",
        )
    with archive.open(entry) as stream:
        return budget.read(name, stream)
