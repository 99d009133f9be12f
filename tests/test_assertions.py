"""Every test compares a value with a known one: none asserts only that something runs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
#: Calls whose truth is no value: that a file is there, or an object of some type.
PRESENCE = {"exists", "is_file", "is_dir", "isinstance", "hasattr", "callable"}


def called(node: ast.AST) -> set[str]:
    """Last parts of the names of all that is called."""
    calls = [n.func for n in ast.walk(node) if isinstance(n, ast.Call)]
    return {ast.unparse(func).rpartition(".")[2] for func in calls}


def says_little(test: ast.expr) -> bool:
    """Whether an assertion holds of nearly anything that came to an end."""
    if isinstance(test, ast.BoolOp):
        return all(says_little(part) for part in test.values)
    if isinstance(test, ast.Call):
        return ast.unparse(test.func).rpartition(".")[2] in PRESENCE
    if not isinstance(test, ast.Compare) or len(test.ops) > 1:
        return isinstance(test, ast.Name | ast.Constant)
    left, right = ast.unparse(test.left), ast.unparse(test.comparators[0])
    if isinstance(test.ops[0], ast.Gt) and right == "0":
        return left.startswith("len(")
    return isinstance(test.ops[0], ast.IsNot) and right == "None"


def compares(function: ast.AST) -> bool:
    """Whether a function has an assertion of a value, or expects a certain error."""
    found = [n.test for n in ast.walk(function) if isinstance(n, ast.Assert)]
    if any(not says_little(test) for test in found):
        return True
    return any(name.startswith("assert_") or name in ("raises", "warns", "fail")
               for name in called(function))  # fmt: skip


def idle(trees: dict[str, ast.Module]) -> list[str]:
    """Tests that compare nothing, nor call a helper that does."""
    functions = [
        (file, node)
        for file, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    helpers = [f for _, f in functions if not f.name.startswith("test_")]
    able = {f.name for f in helpers if compares(f)}
    while more := {f.name for f in helpers if f.name not in able and called(f) & able}:
        able |= more
    return [
        f"{file}: {f.name}"
        for file, f in functions
        if f.name.startswith("test_") and not compares(f) and not called(f) & able
    ]


def test_every_test_compares_something() -> None:
    files = sorted(ROOT.rglob("*.py"))
    trees = {p.relative_to(ROOT).as_posix(): ast.parse(p.read_text("utf-8")) for p in files}
    assert len([p for p in files if p.name.startswith("test_")]) > 100
    assert idle(trees) == []


@pytest.mark.parametrize(
    "body",
    [
        "run()", "found = run()\n    assert found", "assert run() is not None",
        "assert len(run()) > 0", "assert isinstance(run(), dict)",
        "run(path)\n    assert path.exists() and path.is_file()", "helper(run())",
    ],
)  # fmt: skip
def test_a_test_that_only_runs_something_is_found(body: str) -> None:
    text = f"def helper(x):\n    return x\n\ndef test_it(path):\n    {body}\n"
    assert idle({"a.py": ast.parse(text)}) == ["a.py: test_it"]


@pytest.mark.parametrize(
    "body", ["assert run() == 3", "with pytest.raises(ValueError):\n        run()", "outer(run())"]
)
def test_a_test_that_compares_is_let_be(body: str) -> None:
    helpers = "def inner(x):\n    assert x == 3\n\ndef outer(x):\n    inner(x)\n\n"
    text = f"{helpers}def test_it():\n    {body}\n"
    assert idle({"a.py": ast.parse(text)}) == []
