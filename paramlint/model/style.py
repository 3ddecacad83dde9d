"""How a fix may write a buffer: the names that the setting takes."""

from __future__ import annotations

AUTOMATIC = "auto"
METHOD = "register_buffer"
CLASS = "nn.Buffer"
BUFFER_STYLES = (AUTOMATIC, METHOD, CLASS)
