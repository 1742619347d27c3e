"""From a Python function to the declaration the model sees, and from arguments to the call.

Pure, but for calling :mod:`inspect`.  Protocol §3.6.
"""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any, Optional, TypeVar, Union, overload

import attrs

from .._checks import check_function, plain_function
from .._records import frozen
from ..errors import ConfigError
from ..types._base import Model
from ..types.enums import Behavior, FunctionResponseScheduling
from ..types.tools import FunctionDeclaration, Tool
from .annotations import Shape, check_names, shape_of

__all__ = ["FunctionTool", "ToolContext", "ToolOptions", "function_tool", "split_tools", "tool"]

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__livesdk_tool__"
_NAME = r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}"


@frozen(kw_only=True)
class ToolOptions:
    """What ``@livesdk.tool(...)`` says about a function.

    Attributes:
        name: For the model; the function's own name unless given.
        description: For the model; the docstring's unless given.
        behavior: ``BLOCKING`` or ``NON_BLOCKING``; the model's default unless given.
        scheduling: How the result of a NON_BLOCKING call enters the conversation.
        timeout: Seconds until the model is told that it took too long; ``None``: for ever.
    """

    name: Optional[str] = None
    description: Optional[str] = None
    behavior: Union[Behavior, str, None] = None
    scheduling: Union[FunctionResponseScheduling, str, None] = None
    timeout: Optional[float] = 60.0


class ToolContext(typing.Protocol):
    """What a function gets in a parameter annotated ``ToolContext``.

    Attributes:
        call_id: The id of the call; ``None`` where the service gave none.
        name: The function, as the model calls it.
        cancelled: A ``threading.Event``, set when nobody waits for the result any more; look at it
            in long loops, or wait on it instead of sleeping.
        session: The session that the call came from.
    """

    call_id: Optional[str]
    name: str
    cancelled: Any
    session: Any


@overload
def tool(function: F) -> F: ...
@overload
def tool(
    *,
    name: Optional[str] = ...,
    description: Optional[str] = ...,
    behavior: Union[Behavior, str, None] = ...,
    scheduling: Union[FunctionResponseScheduling, str, None] = ...,
    timeout: Optional[float] = ...,
) -> Callable[[F], F]: ...
def tool(function: Optional[F] = None, **options: Any) -> Any:
    """Say how a function is offered to the model; the function itself stays as it is.

    Any function may be passed in ``tools=[...]`` without it.

    Args:
        function: When used as a plain decorator.
        **options: The fields of :class:`ToolOptions`.

    Raises:
        ConfigError: An unknown option, or a wrong value.
    """
    known = {field.name for field in attrs.fields(ToolOptions)}
    if set(options) - known:
        raise ConfigError(f"tool: expected {', '.join(sorted(known))}; got {sorted(options)}")
    checked = _checked(ToolOptions(**options))

    def mark(function: F) -> F:
        setattr(function, _MARK, checked)
        return function

    return mark if function is None else mark(function)


def _checked(options: ToolOptions) -> ToolOptions:
    timeout: Any = options.timeout
    is_number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if timeout is not None and not (is_number and timeout > 0):  # nan is not
        raise ConfigError(f"tool: timeout: expected seconds above 0, got {timeout!r:.40}")
    return attrs.evolve(
        options,
        behavior=_member(Behavior, options.behavior, "behavior"),
        scheduling=_member(FunctionResponseScheduling, options.scheduling, "scheduling"),
    )


def _member(enum: Any, value: Any, where: str) -> Any:
    if value is None:
        return None
    try:
        return enum(value)
    except ValueError:
        names = ", ".join(member.value for member in enum)
        raise ConfigError(f"tool: {where}: expected one of {names}, got {value!r:.40}") from None


@frozen(eq=False)
class FunctionTool:
    """A function that the model may call.

    Attributes:
        name: As the model calls it.
        function: What to run.
        declaration: What the model sees.
        options: As decorated.
        shapes: What each parameter takes.
        required: The parameters without a default.
        positional: Those that cannot be passed by name.
        context: The parameter that gets the :class:`ToolContext`, if there is one.
    """

    name: str
    function: Callable[..., Any]
    declaration: FunctionDeclaration
    options: ToolOptions
    shapes: Mapping[str, Shape] = attrs.field(repr=False)
    required: list[str] = attrs.field(repr=False)
    positional: frozenset[str] = attrs.field(repr=False)
    context: Optional[str] = attrs.field(repr=False)

    def bind(self, args: Mapping[str, Any], context: ToolContext) -> Callable[[], Any]:
        """Convert the arguments; return the call that is ready to be made.

        Raises:
            Misfit: They are not what the declaration says.
        """
        check_names(args, self.shapes, self.required, "")
        given = {name: self.shapes[name].convert(value, name) for name, value in args.items()}
        if self.context is not None:
            given[self.context] = context
        first = [given.pop(name) for name in self._order() if name in given]
        return functools.partial(self.function, *first, **given)

    def _order(self) -> list[str]:
        return [name for name in self.shapes if name in self.positional]


def split_tools(tools: Any, where: str = "tools") -> tuple[Optional[list[Any]], list[FunctionTool]]:
    """Replace the functions in a list of tools by their declarations, together in one tool.

    Returns:
        The list to send, and the functions to run.

    Raises:
        ConfigError: Two functions of one name, or one that cannot be declared.
    """
    if not isinstance(tools, (list, tuple)):
        return tools, []
    functions = [
        function_tool(tool, f"{where}[{index}]")
        for index, tool in enumerate(tools)
        if callable(tool) and not isinstance(tool, Model)
    ]
    plain = [tool for tool in tools if not callable(tool) or isinstance(tool, Model)]
    names = [function.name for function in functions]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{where}: {', '.join(twice)} is given twice; use @tool(name=...)")
    if functions:
        plain.append(Tool(function_declarations=[f.declaration for f in functions]))
    return plain, functions


def function_tool(function: Callable[..., Any], where: str = "tools") -> FunctionTool:
    """Make a tool of a function, method, ``functools.partial`` or callable object.

    Raises:
        ConfigError: Its signature cannot be declared.
    """
    options: ToolOptions = _options_of(function)
    name = options.name or _name_of(function)
    where = f"{where} {name!r}"
    if not re.fullmatch(_NAME, name):
        raise ConfigError(
            f"{where}: a name starts with a letter or _, and has at most 128 of"
            " letters, digits, _ . : and -; pass @tool(name=...)"
        )
    check_function(where, function)
    summary, described = _documented(plain_function(function))
    parameters, context = _parameters(function, where)
    shapes = {
        parameter.name: _described(
            shape_of(annotation, f"{where}: {parameter.name}"), described.get(parameter.name)
        )
        for parameter, annotation in parameters
    }
    required = [p.name for p, _ in parameters if p.default is inspect.Parameter.empty]
    return FunctionTool(
        name=name,
        function=function,
        declaration=FunctionDeclaration(
            name=name,
            description=options.description or summary or None,
            parameters_json_schema=_schema(parameters, shapes, required),
            behavior=options.behavior,
        ),
        options=options,
        shapes=shapes,
        required=required,
        positional=frozenset(p.name for p, _ in parameters if p.kind is p.POSITIONAL_ONLY),
        context=context,
    )


def _options_of(function: Any) -> ToolOptions:
    marked = getattr(function, _MARK, None) or getattr(plain_function(function), _MARK, None)
    return marked if isinstance(marked, ToolOptions) else ToolOptions()


def _name_of(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", None) or type(function).__name__)


def _parameters(
    function: Callable[..., Any], where: str
) -> tuple[list[tuple[inspect.Parameter, Any]], Optional[str]]:
    """Return the parameters with their annotations, and the name of the context's."""
    try:
        signature = inspect.signature(function)
        hints = typing.get_type_hints(plain_function(function), include_extras=True)
    except Exception as error:  # on 3.12 even the tokenizer's own, for some builtins
        raise ConfigError(f"{where}: its signature cannot be read: {error}") from error
    found: list[tuple[inspect.Parameter, Any]] = []
    context = None
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ConfigError(f"{where}: *{parameter.name} cannot be declared; name the parameters")
        annotation = hints.get(parameter.name, inspect.Parameter.empty)
        if annotation is ToolContext or ToolContext in typing.get_args(annotation):
            context = parameter.name
        elif annotation is inspect.Parameter.empty:
            raise ConfigError(
                f"{where}: annotate the parameter {parameter.name!r}, for example: str"
            )
        else:
            found.append((parameter, annotation))
    return found, context


def _schema(
    parameters: list[tuple[inspect.Parameter, Any]],
    shapes: Mapping[str, Shape],
    required: list[str],
) -> Optional[dict[str, Any]]:
    if not parameters:
        return None
    properties = {}
    for parameter, _ in parameters:
        schema = dict(shapes[parameter.name].schema)
        if isinstance(parameter.default, (str, int, float, bool)):
            schema["default"] = parameter.default
        properties[parameter.name] = schema
    made: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        made["required"] = required
    return made


def _described(shape: Shape, description: Optional[str]) -> Shape:
    if not description or "description" in shape.schema:
        return shape
    return attrs.evolve(shape, schema={**shape.schema, "description": description})


def _documented(function: Any) -> tuple[str, dict[str, str]]:
    """Return what a docstring says of the function, and of each parameter."""
    text = inspect.getdoc(function)
    if not text:
        return "", {}
    import docstring_parser  # for functions with a docstring

    parsed = docstring_parser.parse(text)
    parts = (parsed.short_description, parsed.long_description)
    described = {p.arg_name: " ".join((p.description or "").split()) for p in parsed.params}
    return "\n\n".join(part for part in parts if part), described
