"""Protolith: a protobuf schema registry for analytics.

Everything public is named in `__init__.pyi` and imported when it is first used, so that a command
on local files does not pay for the server.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
