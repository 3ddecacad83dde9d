"""Whether whoever in the project makes an instance of a class goes over its modules again with a scheme of that name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramlint.interpret.holders import users_of
from paramlint.interpret.scan import nodes, self_attribute
from paramlint.model import code

if TYPE_CHECKING:
    from paramlint.project.definitions import ClassDefinition
    from paramlint.project.project import Project


def is_applied_by_owners(project: Project, definition: ClassDefinition, method: str) -> bool:
    """Whether all that uses a class are classes whose constructors end in ``self.apply(self.method)``.

    A class that nothing uses is there for anyone: False, as wherever there is too much to tell.
    """
    name = definition.node.name
    own = (definition.module.path.as_posix(), definition.node.span)
    scopes = users_of(project, definition, name, definition)
    users = [scope for scope in scopes or () if scope.key != own and scope.name != name]
    return bool(users) and all(_applies(scope.statement, method, name) for scope in users)


def _applies(statement: code.Statement, method: str, name: str) -> bool:
    """Whether a class's constructor applies a scheme to all of itself after the last mention of a name."""
    for member in statement.body if isinstance(statement, code.Class) else ():
        if isinstance(member, code.Function) and member.name == "__init__":
            applied = False
            for part in member.body:
                if any(isinstance(node, code.Name) and node.identifier == name for node in nodes(part)):
                    applied = False
                applied = applied or _is_application(part, method)
            return applied
    return False


def _is_application(statement: code.Statement, method: str) -> bool:
    call = statement.value if isinstance(statement, code.ExpressionStatement) else None
    return (
        isinstance(call, code.Call)
        and self_attribute(call.function) == "apply"
        and any(self_attribute(argument.value) == method for argument in call.arguments)
    )
