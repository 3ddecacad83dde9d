"""Recipes that reading the project finds: which functions may be called to make an instance."""

from __future__ import annotations

from pathlib import Path

from paramlint.facts.lower_ast import lower
from paramlint.facts.source import read_source
from paramlint.project.environment import NO_ENVIRONMENT
from paramlint.project.project import Project
from paramlint.runtime.recipes import RecipeFinder

REGISTRY = """
import functools
MODELS = {}
def register(name=None):
    def keep(function):
        MODELS[name or function.__name__] = function
        return function
    return keep
def renamed(**names):
    def outer(function):
        @functools.wraps(function)
        def inner(*arguments, **keywords):
            return function(*arguments, **keywords)
        return inner
    return outer
"""
NETS = """
import click
from torch import nn
from registry import register, renamed
class Net(nn.Module):
    def __init__(self, block, layers): ...
def _net(block, layers, weights, **kwargs):
    net = Net(block, layers, **kwargs)
    if weights is not None:
        net.load_state_dict(weights.get())
    return net
@register()
@renamed(weights="pretrained")
def small(*, weights=None, **kwargs) -> Net:
    return _net(nn.Linear, [2, 2], weights, **kwargs)
@click.command()
def main(weights=None) -> Net:
    return _net(nn.Linear, [2, 2], weights)
@register()
def sized(layers) -> Net:
    return _net(nn.Linear, layers, None)
"""


def test_a_function_that_a_decorator_of_the_project_wraps_may_be_called_for_the_class_it_announces(
    tmp_path: Path,
) -> None:
    (tmp_path / "registry.py").write_text(REGISTRY)
    (tmp_path / "nets.py").write_text(NETS)
    project = Project(tmp_path, NO_ENVIRONMENT, lambda path: lower(read_source(str(path))))
    (net,) = [item.definition for item in project.classes(project.module_at(tmp_path / "nets.py"))]
    found = RecipeFinder(project, [net]).recipes(net)
    assert [(recipe.kind, recipe.expression) for recipe in found.builds] == [("announced", "small()")]
