"""The page's editor: what `vi`, `nano` and `kubectl edit` open, and wait for."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from svclab.terminal.commands.registry import Usage
from svclab.terminal.process import Process


@dataclass(slots=True)
class _Edit:
    """A text that is open."""

    done: Event = field(default_factory=Event)
    text: str | None = None


@dataclass(slots=True)
class PageEditor:
    """Texts that a session's commands have opened. `on_event` is set by a page that can show them."""

    on_event: Callable[[dict[str, Any]], object] | None = None
    _open: dict[str, _Edit] = field(default_factory=dict)

    def edit(self, process: Process, title: str, text: str) -> str | None:
        """Open a text by the event {"type": "edit", "id", "title", "text"}; waits for `finish`.

        The learner's time does not count towards the command's limit. Raises Usage without a page.
        """
        if self.on_event is None:
            raise Usage("no editor is connected to this terminal; try  cat > FILE <<EOF", 1)
        name, edit = secrets.token_hex(8), _Edit()
        self._open[name] = edit
        self.on_event({"type": "edit", "id": name, "title": title, "text": text})
        try:
            process.wait_for_person(edit.done.is_set)
        finally:
            del self._open[name]
        return edit.text

    def finish(self, edit_id: str, text: str | None) -> None:
        """The learner saved `text`, or closed the editor (None)."""
        if edit := self._open.get(edit_id):
            edit.text = text
            edit.done.set()
