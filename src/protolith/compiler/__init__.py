"""`.proto` files in, a descriptor set out: protoc in a jail, and checks around it.

    sources (texts, folders, archives) → pre-check → protoc in its jail → DescriptorSet

The compiler's verdict is the only truth about a schema. Nothing here reads `.proto` text to
decide what it means; the pre-check only keeps away what is known to hurt the compiler.
"""

from protolith.compiler.archives import open_zip
from protolith.compiler.compilation import compile_protos
from protolith.compiler.folders import read_sources
from protolith.compiler.inputs import Submitted, open_path, open_upload, read_path
from protolith.compiler.limits import DEFAULT_LIMITS, Limits
from protolith.compiler.received import read_descriptors
from protolith.compiler.sources import SourceFile, Sources
from protolith.compiler.status import CompilerStatus, compiler_version, jail, self_test
from protolith.compiler.writing import default_json_name, without_extensions, written

__all__ = [
    "DEFAULT_LIMITS",
    "CompilerStatus",
    "Limits",
    "SourceFile",
    "Sources",
    "Submitted",
    "compile_protos",
    "compiler_version",
    "default_json_name",
    "jail",
    "open_path",
    "open_upload",
    "open_zip",
    "read_descriptors",
    "read_path",
    "read_sources",
    "self_test",
    "without_extensions",
    "written",
]
