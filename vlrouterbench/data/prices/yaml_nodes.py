"""YAML as nodes with their lines, read within bounds.

Decisions
- YAML is composed, never constructed: tags do nothing, and an alias costs nothing however often it is used.
- Values stay the text that stands in the file: what YAML would make of it (`010`, `1:30`) is not what its reader sees.
- A key twice in one mapping is refused with its line.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from vlrouterbench.core.errors import SourceError, shown
from vlrouterbench.core.limits import YAML_DEPTH

_NULLS = ("", "~", "null", "Null", "NULL")


class _Composer(yaml.BaseLoader):
    """Composes nodes to a depth that a file of entries needs; texts stay texts."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node."""
        if self.depth >= YAML_DEPTH:
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem=f"more than {YAML_DEPTH} lists within each other", problem_mark=mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def compose_yaml(text: str, path: Path, readable_as: str = "yaml") -> yaml.Node | None:
    """The topmost node of a YAML text, None for an empty one.

    Args:
        text: of the file.
        path: the file, for messages.
        readable_as: what a message says that it is not.

    Raises:
        SourceError: it is no YAML, or is nested too deeply.
    """
    try:
        return yaml.compose(text, Loader=_Composer)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1},"
        raise SourceError(f"{path}{line} is not readable as {readable_as}: {error.problem}.") from error
    except yaml.YAMLError as error:  # characters that YAML does not have
        raise SourceError(f"{path} is not readable as {readable_as}: {shown(str(error))}.") from error


def pairs_of(node: yaml.MappingNode, path: Path) -> dict[str, yaml.Node]:
    """Key -> value of a mapping; what `<<` merges stands behind what it states itself."""
    pairs: dict[str, yaml.Node] = {}
    merged: dict[str, yaml.Node] = {}
    for key, value in node.value:
        where = line_of(key, path)
        if not isinstance(key, yaml.ScalarNode):
            raise SourceError(f"{where}: expected a key, found a {node_kind(key)}.")
        if key.value in pairs or (key.value == "<<" and merged):
            raise SourceError(f"{where}: expected each key once, found {shown(key.value)} again.")
        if key.value == "<<" and isinstance(value, yaml.MappingNode) and value is not node:
            merged = {k.value: v for k, v in value.value if isinstance(k, yaml.ScalarNode) and k.value != "<<"}
        else:
            pairs[key.value] = value
    return merged | pairs


def node_kind(node: yaml.Node | None) -> str:
    """What a node is, in a word."""
    return {"sequence": "list", "mapping": "mapping"}.get(getattr(node, "id", ""), "text")


def line_of(node: yaml.Node, path: Path) -> str:
    """Where a node stands, for a message."""
    return f"{path}, line {node.start_mark.line + 1}"


def scalar_text(node: yaml.ScalarNode) -> str:
    """A value as it is written, "" where it is null."""
    return "" if node.style is None and node.value in _NULLS else str(node.value)
