"""Functions that run themselves: declared from their signature, run in worker threads.

All is pure but ``runner``, which owns threads, and ``gate``, which threads share.  Tools know
nothing of sessions but what they are handed.
"""

from __future__ import annotations

from .declare import FunctionTool, ToolContext, ToolOptions, function_tool, split_tools, tool
from .gate import Gate
from .handler import CallHandler, Handler
from .owed import Owed
from .pieces import Pieces
from .runner import ToolCounts, ToolRunner

__all__ = [
    "CallHandler",
    "FunctionTool",
    "Gate",
    "Handler",
    "Owed",
    "Pieces",
    "ToolContext",
    "ToolCounts",
    "ToolOptions",
    "ToolRunner",
    "function_tool",
    "split_tools",
    "tool",
]
