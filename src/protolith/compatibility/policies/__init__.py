"""The verdicts of other tools; they share no rules with Protolith's own levels."""

from collections.abc import Sequence

from protolith.compatibility.findings import Finding, Mode
from protolith.compatibility.policies import buf, confluent
from protolith.compatibility.policies.buf import BufConfig
from protolith.descriptors import DescriptorSet
from protolith.errors import NotFoundError, quoted

__all__ = ["POLICIES", "BufConfig", "check_policy"]

POLICIES = ("buf", "confluent")


def check_policy(  # noqa: PLR0913 - the two last are for one policy
    name: str,
    new: DescriptorSet,
    history: Sequence[tuple[int | None, DescriptorSet]],
    mode: Mode = "BACKWARD",
    *,
    categories: Sequence[str] = ("FILE",),
    config: BufConfig | None = None,
) -> list[Finding]:
    """What the policy says when `new` follows a history of (version, schema), oldest first.

    The policy buf applies the rules of the categories, or those of a configuration if there is
    one. Raises `NotFoundError` for a policy that is not known.
    """
    if name == "buf":
        return buf.check(new, history, mode, config or BufConfig(use=tuple(categories)))
    if name == "confluent":
        return confluent.check(new, history, mode)
    raise NotFoundError(f"no policy {quoted(name)}", hint=f"policies: {', '.join(POLICIES)}")
