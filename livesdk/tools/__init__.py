"""Functions that run themselves: declared from their signature, run in worker threads.

``declare`` and ``annotations`` are pure; ``runner`` owns threads.  Tools know nothing of sessions
but what they are handed.
"""

from __future__ import annotations

from .declare import FunctionTool, ToolContext, ToolOptions, function_tool, split_tools, tool
from .gate import Gate
from .runner import ToolCounts, ToolRunner

__all__ = [
    "FunctionTool",
    "Gate",
    "ToolContext",
    "ToolCounts",
    "ToolOptions",
    "ToolRunner",
    "function_tool",
    "split_tools",
    "tool",
]
