"""Finders of thresholds that are typed in code, settings files or text instead of being named."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import yaml

#: Words and numbers of a threshold in a sentence for readers.
SENTENCE = re.compile(
    r"R-hat\W{1,4}(?:(?:below|above|under|at most|of)\W{1,3})?\d"
    r"|(?:ESS|effective sample size)\W{1,4}(?:(?:at least|below|above|of)\W{1,3})?\d"
    r"|fewer than (?:three|four|five|ten|twenty|\d)|at least (?:three|ten|twenty) studies"
    r"|more than (?:a|one) (?:third|half|quarter) of|difference below \d|Pareto k\W{1,4}\d",
    re.IGNORECASE,
)


def number_of(node: ast.AST | None) -> float | None:
    """Number that an expression writes, itself or as the default of a `Field`."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "Field" and node.args:
        node = node.args[0]
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        over, under = number_of(node.left), number_of(node.right)
        return over / under if over is not None and under else None
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return None if isinstance(node.value, bool) else float(node.value)
    return None


def _given(node: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    """Names that a node gives a value: assignments, defaults, keywords, keys and options."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield ast.unparse(target).rpartition(".")[2], node.value
    elif isinstance(node, ast.AnnAssign):
        yield ast.unparse(node.target).rpartition(".")[2], node.value
    elif isinstance(node, ast.arguments):
        places = [*node.posonlyargs, *node.args]
        pairs = [*zip(places[::-1], node.defaults[::-1], strict=False)]
        for argument, default in [*pairs, *zip(node.kwonlyargs, node.kw_defaults, strict=True)]:
            yield argument.arg, default
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant):
                yield str(key.value), value
    elif isinstance(node, ast.Call):
        options = [a.value for a in node.args if isinstance(a, ast.Constant)]
        for keyword in node.keywords:
            yield keyword.arg or "", keyword.value
            if keyword.arg == "default":
                for option in options:
                    yield str(option).lstrip("-").replace("-", "_"), keyword.value


def named_numbers(source: str, names: set[str]) -> list[str]:
    """Names, in lower case, that Python code gives a number, of those looked for."""
    return [
        name.lower()
        for node in ast.walk(ast.parse(source))
        for name, value in _given(node)
        if name.lower() in names and number_of(value) is not None
    ]


def literals(source: str, values: set[float]) -> list[float]:
    """Numbers of Python code that are among some values."""
    found = (number_of(n) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant))
    return [number for number in found if number in values]


def compared(source: str) -> list[float]:
    """Numbers that Python code compares with, but for counts of none, one or two and a half."""
    sides = (
        number_of(side)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Compare)
        for side in [node.left, *node.comparators]
    )
    return [number for number in sides if number is not None and number not in (0, 0.5, 1, 2)]


def said(source: str) -> list[str]:
    """Thresholds in the strings of Python code that readers may see: not its documentation."""
    tree = ast.parse(source)
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # fmt: skip
    strings = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documentation
    ]
    return [match.group() for text in strings for match in SENTENCE.finditer(text)]


def in_text(text: str, values: set[float]) -> list[str]:
    """Thresholds in the text of a template or of a file of sentences, styles left out."""
    bare = re.sub(r"<style>.*?</style>|\{#.*?#\}|[\w-]+=\"[^\"]*\"", " ", text, flags=re.DOTALL)
    numbers = [
        n for n in re.findall(r"(?<![\w.,])\d*\.\d+(?![\w.,]\d)", bare) if float(n) in values
    ]
    return [*numbers, *(match.group() for match in SENTENCE.finditer(bare))]


def named_in_yaml(text: str, names: set[str]) -> list[str]:
    """Keys of a YAML text that give a number, of those looked for."""

    def walk(content: Any) -> Iterator[str]:
        if isinstance(content, dict):
            for key, value in content.items():
                if key in names and isinstance(value, int | float) and not isinstance(value, bool):
                    yield str(key)
                yield from walk(value)
        elif isinstance(content, list):
            for value in content:
                yield from walk(value)

    return list(walk(yaml.safe_load(text)))
