"""How commands take a layout: as a whole, and by single options."""

from pathlib import Path

from protolith.layout import Choices, Layout


def chosen_layout(text: str | None, options: Choices | None) -> Layout | None:
    """The layout that --layout and the single options say together; None if they say nothing."""
    if text is None and options is None:
        return None
    is_file = text is not None and (text.endswith(".toml") or Path(text).is_file())
    layout = Layout.from_file(text or "") if is_file else Layout.from_text(text or "")
    return layout if options is None else layout.with_options(options)
