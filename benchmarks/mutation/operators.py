"""The faults that are planted: each operator makes one mistake that people make, in a class that is free of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import libcst as cst

from benchmarks.mutation import patterns
from benchmarks.mutation.patterns import dotted, expression, replace, self_attribute, source_of, without

_FACTORIES = re.compile(r"(torch\.)?(zeros|ones|full|arange|linspace|empty|randn|rand|tensor|eye)$")
_FILLED = re.compile(r"(torch\.)?(zeros|ones|randn|rand)$")
_MODULE_LIST = re.compile(r"(\w+\.)*ModuleList$")
_MODULE_DICT = re.compile(r"(\w+\.)*ModuleDict$")
_PARAMETER_LIST = re.compile(r"(\w+\.)*ParameterList$")
_PARAMETER = re.compile(r"(\w+\.)*Parameter$")
_INIT = re.compile(r"(\w+\.)*init\.\w+_$")
_SCHEME = re.compile(r"_?(init|reset|initialise|initialize)_?\w*$")
_LAYER = re.compile(
    r"(\w+\.)*(Linear|Conv[123]d|ConvTranspose[123]d|Embedding|LayerNorm|BatchNorm[123]d|GroupNorm|Bilinear)$"
)


class Planted(NamedTuple):
    """One mutated class: ``attribute`` is the name that suffers, where it is one name."""

    attribute: str | None
    node: cst.ClassDef


class Operator(NamedTuple):
    """``codes`` are those that would be right; ``fault`` names the observation that must differ (see ``oracle``)."""

    name: str
    family: str
    codes: tuple[str, ...]
    fault: str
    plant: Callable[[cst.ClassDef], Iterator[Planted]]


def _init(node: cst.ClassDef) -> cst.FunctionDef | None:
    return patterns.method(node, "__init__")


def _forward_tensor(node: cst.ClassDef) -> tuple[cst.FunctionDef, str] | None:
    """Forward and the name of its first argument."""
    forward = patterns.method(node, "forward")
    if forward is None or len(forward.params.params) < 2 or not isinstance(forward.body, cst.IndentedBlock):
        return None
    return forward, forward.params.params[1].name.value


def _assigned(node: cst.ClassDef, callee: re.Pattern[str]) -> Iterator[tuple[cst.Assign, str, cst.Call]]:
    """Attributes of self that the constructor binds to a call of what matches."""
    init = _init(node)
    for assign, name in patterns.assignments(init) if init else ():
        if isinstance(assign.value, cst.Call) and callee.match(dotted(assign.value.func)):
            yield assign, name, assign.value


def _value(node: cst.ClassDef, assign: cst.Assign, value: cst.BaseExpression) -> cst.ClassDef:
    return replace(node, assign, assign.with_changes(value=value))


# Registration


def buffer_turned_plain(node: cst.ClassDef) -> Iterator[Planted]:
    for call, name, tensor in _buffers(node):
        yield Planted(name, _as_plain(node, call, name, tensor))


def _buffers(node: cst.ClassDef) -> Iterator[tuple[cst.Call, str, cst.BaseExpression]]:
    init = _init(node)
    for call in patterns.of_type(init, cst.Call) if init else ():
        if self_attribute(call.func) == "register_buffer" and len(call.args) >= 2 and call.args[1].keyword is None:
            name = call.args[0].value
            if (
                isinstance(name, cst.SimpleString)
                and str(name.evaluated_value).isidentifier()
                and dotted(call.args[1].value) != "None"
            ):
                yield call, str(name.evaluated_value), call.args[1].value


def _as_plain(node: cst.ClassDef, call: cst.Call, name: str, tensor: cst.BaseExpression) -> cst.ClassDef:
    init = _init(node)
    assert init is not None
    for line in patterns.of_type(init, cst.SimpleStatementLine):
        if patterns.call_in(line) is call:
            target = cst.AssignTarget(cst.Attribute(cst.Name("self"), cst.Name(name)))
            return replace(node, line, line.with_changes(body=[cst.Assign([target], tensor)]))
    return node


def _turned_list(callee: re.Pattern[str]) -> Callable[[cst.ClassDef], Iterator[Planted]]:
    def plant(node: cst.ClassDef) -> Iterator[Planted]:
        for assign, name, call in _assigned(node, callee):
            if len(call.args) == 1 and not call.args[0].star:
                yield Planted(name, _value(node, assign, expression(f"list({source_of(call.args[0].value)})")))
            elif not call.args:
                yield Planted(name, _value(node, assign, expression("[]")))

    return plant


def module_dict_turned_dict(node: cst.ClassDef) -> Iterator[Planted]:
    for assign, name, call in _assigned(node, _MODULE_DICT):
        inner = source_of(call.args[0].value) if len(call.args) == 1 else ""
        if len(call.args) < 2:
            yield Planted(name, _value(node, assign, expression(f"dict({inner})")))


def layer_in_a_tuple(node: cst.ClassDef) -> Iterator[Planted]:
    """``self.x = Layer(...)`` gets the comma that makes it a tuple, and each read takes the layer out again."""
    for assign, name, call in _assigned(node, _LAYER):
        changed = _value(node, assign, expression(f"({source_of(call)},)"))
        reads = [
            item
            for item in patterns.of_type(changed, cst.Attribute)
            if self_attribute(item) == name and not _is_target(changed, item)
        ]
        for item in reads:
            changed = replace(changed, item, expression(f"self.{name}[0]"))
        yield Planted(name, changed)


def _is_target(node: cst.ClassDef, attribute: cst.Attribute) -> bool:
    return any(target.target is attribute for target in patterns.of_type(node, cst.AssignTarget))


def _wrapped_parameter(template: str) -> Callable[[cst.ClassDef], Iterator[Planted]]:
    """``self.x = nn.Parameter(value)`` becomes the template, with {call} and {value} filled in."""

    def plant(node: cst.ClassDef) -> Iterator[Planted]:
        for assign, name, call in _assigned(node, _PARAMETER):
            if len(call.args) == 1 and call.args[0].keyword is None and not call.args[0].star:
                text = template.format(
                    call=source_of(call), value=source_of(call.args[0].value), name=name, wrap=source_of(call.func)
                )
                yield Planted(name, _value(node, assign, expression(text)))

    return plant


def tensor_over_parameter(node: cst.ClassDef) -> Iterator[Planted]:
    init = _init(node)
    for _, name, call in _assigned(node, _LAYER):
        if init is not None and isinstance(init.body, cst.IndentedBlock) and dotted(call.func).endswith("Linear"):
            added = cst.parse_statement(f"self.{name}.weight = self.{name}.weight * 0.5\n")
            yield Planted(f"{name}.weight", patterns.with_block(node, init, lambda body, added=added: [*body, added]))


# Construction


def super_init_deleted(node: cst.ClassDef) -> Iterator[Planted]:
    init = _init(node)
    for line in patterns.lines(init) if init else ():
        if patterns.is_super_init(line):
            yield Planted(None, without(node, line))


def super_init_moved_down(node: cst.ClassDef) -> Iterator[Planted]:
    init = _init(node)
    for line in patterns.lines(init) if init else ():
        if init is not None and patterns.is_super_init(line):
            yield Planted(
                None,
                patterns.with_block(node, init, lambda body, line=line: [*(x for x in body if x is not line), line]),
            )


def super_init_repeated(node: cst.ClassDef) -> Iterator[Planted]:
    init = _init(node)
    for line in patterns.lines(init) if init else ():
        if init is not None and patterns.is_super_init(line):
            added = cst.parse_statement("torch.nn.Module.__init__(self)\n")
            yield Planted(None, patterns.with_block(node, init, lambda body, added=added: [*body, added]))


def init_method_renamed(node: cst.ClassDef) -> Iterator[Planted]:
    """The method is renamed; the constructor still calls it by its old name."""
    init = _init(node)
    called = {self_attribute(call.func) for call in patterns.of_type(init, cst.Call)} if init else set()
    for function in patterns.methods(node):
        name = function.name.value
        if name in called and _SCHEME.match(name):
            yield Planted(name, replace(node, function, function.with_changes(name=cst.Name(f"{name}_values"))))


# Initialisation


def _initialising_lines(node: cst.ClassDef) -> Iterator[tuple[cst.SimpleStatementLine, str]]:
    """Lines that fill one attribute of self: ``init.x_(self.w)``, ``self.w.data.normal_()``."""
    for function in patterns.methods(node):
        for line in patterns.of_type(function, cst.SimpleStatementLine):
            call = patterns.call_in(line)
            if call is None:
                continue
            if _INIT.match(dotted(call.func)) and call.args and (name := self_attribute(call.args[0].value)):
                yield line, name
            elif isinstance(call.func, cst.Attribute) and re.match(
                r"(normal|uniform|zero|fill|copy)_$", call.func.attr.value
            ):
                target = call.func.value
                if isinstance(target, cst.Attribute) and target.attr.value == "data":
                    target = target.value
                if name := self_attribute(target):
                    yield line, name


def initialising_line_deleted(node: cst.ClassDef) -> Iterator[Planted]:
    for line, name in _initialising_lines(node):
        yield Planted(name, without(node, line))


def initialising_result_dropped(node: cst.ClassDef) -> Iterator[Planted]:
    for line, name in _initialising_lines(node):
        yield Planted(name, replace(node, line, cst.parse_statement(f"torch.zeros_like(self.{name})\n")))


def _scheme_calls(node: cst.ClassDef) -> Iterator[tuple[cst.FunctionDef, cst.SimpleStatementLine, str]]:
    """``self.apply(self._init_weights)`` and ``self.init_weights()`` among the constructor's own statements."""
    init = _init(node)
    own = {function.name.value for function in patterns.methods(node)}
    for line in patterns.lines(init) if init else ():
        call = patterns.call_in(line)
        name = self_attribute(call.func) if call is not None else None
        if call is None or name is None or init is None:
            continue
        if name == "apply" and call.args and (scheme := self_attribute(call.args[0].value)) in own and scheme:
            yield init, line, scheme
        elif name in own and _SCHEME.match(name):
            yield init, line, name


def scheme_call_deleted(node: cst.ClassDef) -> Iterator[Planted]:
    for _, line, scheme in _scheme_calls(node):
        yield Planted(scheme, without(node, line))


def scheme_called_too_early(node: cst.ClassDef) -> Iterator[Planted]:
    for init, line, scheme in _scheme_calls(node):
        first = next((item for item in patterns.lines(init) if patterns.is_super_init(item)), None)
        if first is None:
            continue

        def change(
            body: list[cst.BaseStatement], line: cst.BaseStatement = line, first: cst.BaseStatement = first
        ) -> list[cst.BaseStatement]:
            rest = [item for item in body if item is not line]
            at = rest.index(first) + 1
            return [*rest[:at], line, *rest[at:]]

        yield Planted(scheme, patterns.with_block(node, init, change))


def isinstance_branch_deleted(node: cst.ClassDef) -> Iterator[Planted]:
    for function in patterns.methods(node):
        for branch in patterns.of_type(function, cst.If):
            test = branch.test
            if isinstance(test, cst.Call) and dotted(test.func) == "isinstance" and len(test.args) == 2:
                if "Norm" not in source_of(test.args[1].value):
                    emptied = branch.with_changes(
                        body=cst.IndentedBlock([cst.SimpleStatementLine([cst.Pass()])]), test=expression("False")
                    )
                    yield Planted(function.name.value, replace(node, branch, emptied))


def _memory_left_as_it_was(node: cst.ClassDef, holders: Iterator[tuple[str, cst.CSTNode]]) -> Iterator[Planted]:
    for name, holder in holders:
        for call in patterns.of_type(holder, cst.Call):
            if _FILLED.match(dotted(call.func)):
                func = cst.parse_expression("torch.empty")
                yield Planted(name, replace(node, call, call.with_changes(func=func)))
                break


def parameter_of_empty(node: cst.ClassDef) -> Iterator[Planted]:
    yield from _memory_left_as_it_was(node, ((name, call) for _, name, call in _assigned(node, _PARAMETER)))


def buffer_of_empty(node: cst.ClassDef) -> Iterator[Planted]:
    yield from _memory_left_as_it_was(node, ((name, tensor) for _, name, tensor in _buffers(node)))


# Parameters that should be something else


def buffer_turned_parameter(node: cst.ClassDef) -> Iterator[Planted]:
    for call, name, tensor in _buffers(node):
        yield Planted(name, _as_plain(node, call, name, expression(f"torch.nn.Parameter({source_of(tensor)})")))


def _reads(node: cst.ClassDef, name: str) -> list[cst.Attribute]:
    """Where forward reads a name of self."""
    forward = patterns.method(node, "forward")
    if forward is None:
        return []
    return [
        item
        for item in patterns.of_type(forward, cst.Attribute)
        if self_attribute(item) == name and not _is_target(node, item)
    ]


def reads_detached(node: cst.ClassDef) -> Iterator[Planted]:
    for _, name, _ in _assigned(node, _PARAMETER):
        elsewhere = [
            item
            for function in patterns.methods(node)
            if function.name.value not in ("__init__", "forward") and not _SCHEME.match(function.name.value)
            for item in patterns.of_type(function, cst.Attribute)
            if self_attribute(item) == name
        ]
        reads = _reads(node, name)
        if reads and not elsewhere:
            changed = node
            for _ in reads:
                item = next(read for read in _reads(changed, name) if not _is_detached(changed, read))
                changed = replace(changed, item, expression(f"self.{name}.detach()"))
            yield Planted(name, changed)


def _is_detached(node: cst.ClassDef, read: cst.Attribute) -> bool:
    return any(outer.value is read and outer.attr.value == "detach" for outer in patterns.of_type(node, cst.Attribute))


def layer_no_longer_called(node: cst.ClassDef) -> Iterator[Planted]:
    """``self.norm(x)`` in forward becomes ``x``, for a layer that keeps its input's shape."""
    for _, name, call in _assigned(node, re.compile(r"(\w+\.)*(LayerNorm|BatchNorm[123]d|GroupNorm|Linear)$")):
        reads = _reads(node, name)
        forward = patterns.method(node, "forward")
        if len(reads) != 1 or forward is None:
            continue
        for outer in patterns.of_type(forward, cst.Call):
            if outer.func is reads[0] and len(outer.args) == 1 and _keeps_shape(call):
                yield Planted(name, replace(node, outer, outer.args[0].value))


def _keeps_shape(call: cst.Call) -> bool:
    if not dotted(call.func).endswith("Linear"):
        return True
    return len(call.args) >= 2 and source_of(call.args[0].value) == source_of(call.args[1].value)


def parameter_frozen(node: cst.ClassDef) -> Iterator[Planted]:
    yield from _wrapped_parameter("{wrap}({value}, requires_grad=False)")(node)


# Forward


def layer_made_in_forward(node: cst.ClassDef) -> Iterator[Planted]:
    if found := _forward_tensor(node):
        forward, name = found
        yield Planted(
            None,
            patterns.prepended(
                node, forward, f"{name} = torch.nn.Linear({name}.shape[-1], {name}.shape[-1])({name})\n"
            ),
        )


def parameter_made_in_forward(node: cst.ClassDef) -> Iterator[Planted]:
    if found := _forward_tensor(node):
        forward, name = found
        yield Planted(
            None,
            patterns.prepended(
                node, forward, "scale = torch.nn.Parameter(torch.ones(1))\n", f"{name} = {name} * scale\n"
            ),
        )


def device_left_out(node: cst.ClassDef) -> Iterator[Planted]:
    forward = patterns.method(node, "forward")
    for call in patterns.of_type(forward, cst.Call) if forward else ():
        if _FACTORIES.match(dotted(call.func)) and any(
            item.keyword and item.keyword.value == "device" for item in call.args
        ):
            kept = [item for item in call.args if not (item.keyword and item.keyword.value == "device")]
            yield Planted(None, replace(node, call, call.with_changes(args=kept)))


def noise_made_on_the_default_device(node: cst.ClassDef) -> Iterator[Planted]:
    if found := _forward_tensor(node):
        forward, name = found
        yield Planted(None, patterns.prepended(node, forward, f"{name} = {name} + torch.randn({name}.shape)\n"))


def constant_left_behind(node: cst.ClassDef) -> Iterator[Planted]:
    """A plain tensor made in the constructor meets the input in forward."""
    init, found = _init(node), _forward_tensor(node)
    if init is not None and found is not None and isinstance(init.body, cst.IndentedBlock):
        added = cst.parse_statement("self.planted_offset = torch.full((1,), 0.5)\n")
        changed = patterns.with_block(node, init, lambda body: [*body, added])
        forward = patterns.method(changed, "forward")
        assert forward is not None
        yield Planted(
            "planted_offset", patterns.prepended(changed, forward, f"{found[1]} = {found[1]} + self.planted_offset\n")
        )


def buffer_on_a_literal_device(node: cst.ClassDef) -> Iterator[Planted]:
    for _, name, tensor in _buffers(node):
        yield Planted(name, replace(node, tensor, expression(f"({source_of(tensor)}).cuda()")))


def parameter_on_a_literal_device(node: cst.ClassDef) -> Iterator[Planted]:
    yield from _wrapped_parameter("{wrap}(({value}).to('cuda:0'))")(node)


def graph_tensor_kept(node: cst.ClassDef) -> Iterator[Planted]:
    """Forward keeps what it returns on the module."""
    forward = patterns.method(node, "forward")
    if forward is None or not isinstance(forward.body, cst.IndentedBlock):
        return
    last = forward.body.body[-1]
    if isinstance(last, cst.SimpleStatementLine) and len(last.body) == 1 and isinstance(last.body[0], cst.Return):
        value = last.body[0].value
        if isinstance(value, cst.Name):
            added = cst.parse_statement(f"self.last_output = {value.value}\n")
            yield Planted("last_output", patterns.with_block(node, forward, lambda body: [*body[:-1], added, body[-1]]))


_PLAIN = ("PRM101", "PRM102", "PRM110", "PRM112")

OPERATORS = (
    Operator("buffer turned plain", "registration", _PLAIN, "left behind", buffer_turned_plain),
    Operator("ModuleList turned list", "registration", ("PRM105",), "parameters lost", _turned_list(_MODULE_LIST)),
    Operator("ModuleDict turned dict", "registration", ("PRM105",), "parameters lost", module_dict_turned_dict),
    Operator("layer in a tuple", "registration", ("PRM105",), "parameters lost", layer_in_a_tuple),
    Operator("ParameterList turned list", "registration", ("PRM104",), "parameters lost", _turned_list(_PARAMETER_LIST)),
    Operator("Parameter cast", "registration", ("PRM103",), "parameters lost", _wrapped_parameter("{call}.to(torch.float64)")),
    Operator("Parameter scaled", "registration", ("PRM103",), "parameters lost", _wrapped_parameter("{call} * 0.02")),
    Operator("Parameter turned tensor", "registration", ("PRM101", "PRM102"), "parameters lost", _wrapped_parameter("({value}).requires_grad_()")),
    Operator("tensor over parameter", "registration", ("PRM107",), "construction raises", tensor_over_parameter),
    Operator("Parameter in a buffer's place", "registration", ("PRM106",), "parameters lost", _wrapped_parameter("torch.nn.Buffer({call})")),
    Operator("layer made in forward", "forward", ("PRM109",), "made in forward", layer_made_in_forward),
    Operator("Parameter made in forward", "forward", ("PRM108",), "made in forward", parameter_made_in_forward),
    Operator("output kept with its graph", "forward", ("PRM505",), "copy raises", graph_tensor_kept),
    Operator("super().__init__() deleted", "construction", ("PRM401",), "construction raises", super_init_deleted),
    Operator("super().__init__() moved down", "construction", ("PRM401", "PRM402"), "construction raises", super_init_moved_down),
    Operator("Module.__init__ repeated", "construction", ("PRM403",), "parameters lost", super_init_repeated),
    Operator("init method renamed", "construction", ("PRM404",), "construction raises", init_method_renamed),
    Operator("initialising line deleted", "initialisation", ("PRM301", "PRM302", "PRM303"), "uninitialised", initialising_line_deleted),
    Operator("initialising result dropped", "initialisation", ("PRM301", "PRM302", "PRM309"), "uninitialised", initialising_result_dropped),
    Operator("scheme call deleted", "initialisation", ("PRM301", "PRM302", "PRM303"), "initialised otherwise", scheme_call_deleted),
    Operator("scheme called too early", "initialisation", ("PRM301", "PRM304", "PRM404", "PRM405"), "initialised otherwise", scheme_called_too_early),
    Operator("isinstance branch deleted", "initialisation", ("PRM305", "PRM301", "PRM303"), "initialised otherwise", isinstance_branch_deleted),
    Operator("Parameter of empty", "initialisation", ("PRM301",), "uninitialised", parameter_of_empty),
    Operator("buffer of empty", "initialisation", ("PRM302",), "uninitialised", buffer_of_empty),
    Operator("buffer turned Parameter", "parameter", ("PRM201", "PRM203", "PRM205"), "parameters gained", buffer_turned_parameter),
    Operator("Parameter frozen", "parameter", ("PRM202",), "parameters frozen", parameter_frozen),
    Operator("Parameter of integers", "parameter", ("PRM203",), "construction raises", _wrapped_parameter("{wrap}(({value}).long())")),
    Operator("reads detached", "parameter", ("PRM204",), "gradients lost", reads_detached),
    Operator("layer no longer called", "parameter", ("PRM205",), "gradients lost", layer_no_longer_called),
    Operator("device left out in forward", "device", ("PRM502",), "devices clash", device_left_out),
    Operator("noise on the default device", "device", ("PRM502",), "devices clash", noise_made_on_the_default_device),
    Operator("constant left behind", "device", ("PRM101",), "devices clash", constant_left_behind),
    Operator("buffer on a literal device", "device", ("PRM501",), "construction raises", buffer_on_a_literal_device),
    Operator("Parameter on a literal device", "device", ("PRM501",), "construction raises", parameter_on_a_literal_device),
)  # fmt: skip
