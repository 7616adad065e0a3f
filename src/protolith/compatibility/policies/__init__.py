"""The verdicts of other tools; they share no rules with Protolith's own levels."""

from collections.abc import Sequence

from protolith.compatibility.findings import Finding, Mode
from protolith.compatibility.policies import confluent
from protolith.descriptors import DescriptorSet
from protolith.errors import NotFoundError, quoted

__all__ = ["POLICIES", "check_policy"]

POLICIES = ("confluent",)


def check_policy(
    name: str,
    new: DescriptorSet,
    history: Sequence[tuple[int | None, DescriptorSet]],
    mode: Mode = "BACKWARD",
) -> list[Finding]:
    """What the policy says when `new` follows a history of (version, schema), oldest first.

    Raises `NotFoundError` for a policy that is not known.
    """
    if name != "confluent":
        raise NotFoundError(f"no policy {quoted(name)}", hint=f"policies: {', '.join(POLICIES)}")
    return confluent.check(new, history, mode)
