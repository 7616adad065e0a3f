"""Rules about services of one full name, and their methods."""

from google.protobuf.descriptor_pb2 import MethodOptions

from protolith.compatibility.policies.buf.index import MethodPart, ServicePart
from protolith.compatibility.policies.buf.pairs import Breaks, breaks, rule

_STREAMS = {False: "unary", True: "streaming"}


@rule("FP", "services")
def rpc_no_delete(old: ServicePart, new: ServicePart) -> Breaks:
    """A method stays in its service."""
    present = {method.name for method in new.proto.method}
    for method in old.proto.method:
        if method.name not in present:
            yield breaks(old, new, (method.name, ""), f"the method {method.name} is gone")


@rule("FPJWC", "methods")
def rpc_same_request_type(old: MethodPart, new: MethodPart) -> Breaks:
    """A method keeps the full name of its request."""
    values = old.proto.input_type[1:], new.proto.input_type[1:]
    yield from _same("request", values, old, new, (2,))


@rule("FPJWC", "methods")
def rpc_same_response_type(old: MethodPart, new: MethodPart) -> Breaks:
    """A method keeps the full name of its response."""
    values = old.proto.output_type[1:], new.proto.output_type[1:]
    yield from _same("response", values, old, new, (3,))


@rule("FPJWC", "methods")
def rpc_same_client_streaming(old: MethodPart, new: MethodPart) -> Breaks:
    """A method's requests stay one, or stay a stream."""
    values = _STREAMS[old.proto.client_streaming], _STREAMS[new.proto.client_streaming]
    yield from _same("client", values, old, new, ())


@rule("FPJWC", "methods")
def rpc_same_server_streaming(old: MethodPart, new: MethodPart) -> Breaks:
    """A method's responses stay one, or stay a stream."""
    values = _STREAMS[old.proto.server_streaming], _STREAMS[new.proto.server_streaming]
    yield from _same("server", values, old, new, ())


@rule("FPJWC", "methods")
def rpc_same_idempotency_level(old: MethodPart, new: MethodPart) -> Breaks:
    """A method keeps the option idempotency_level."""
    name = MethodOptions.IdempotencyLevel.Name
    was, now = old.proto.options.idempotency_level, new.proto.options.idempotency_level
    yield from _same("option idempotency_level", (name(was), name(now)), old, new, (4, 34))


def _same(
    what: str, values: tuple[str, str], old: MethodPart, new: MethodPart, at: tuple[int, ...]
) -> Breaks:
    if values[0] != values[1]:
        why = f"the {what} of the method changed from {values[0]} to {values[1]}"
        yield breaks(old, new, values, why, at)
