"""Nothing is read as a class that msgspec has not looked at while its module was imported, by one thread.

It looks at a class the first time that it reads one. Where two threads do so at once (0.22) the process ends without a
word: a worker that took two partitions did.
"""

import ast
import builtins
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
FILES = sorted(file for folder in ("schemas", "streams", "consumers") for file in (ROOT / folder).rglob("*.py"))


def read_as(tree: ast.AST) -> Iterator[str]:
    """Names of the classes that calls of msgspec's functions read something as."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            called = ast.unparse(call.func)
            given = [word.value for word in call.keywords if word.arg == "type"]
            if called == "msgspec.convert":
                given += call.args[1:2]
            if called in ("msgspec.convert", "msgspec.json.decode", "msgspec.msgpack.decode"):
                for each in given:
                    yield from (name.id for name in ast.walk(each) if isinstance(name, ast.Name))


def looked_at(tree: ast.Module) -> set[str]:
    """Names of the classes of which a decoder is made where the module is imported."""
    made = (call for each in tree.body if isinstance(each, ast.Assign) for call in ast.walk(each))
    return {
        ast.unparse(call.args[0])
        for call in made
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("Decoder") and call.args
    }


def test_no_class_is_first_looked_at_by_threads() -> None:
    found = {}
    for file in FILES:
        tree = ast.parse(file.read_text())
        wanted = {name for name in read_as(tree) if not hasattr(builtins, name)}
        if wanted - looked_at(tree):
            found[file.name] = wanted

    assert found == {}
    assert "TaskState" in read_as(ast.parse((ROOT / "streams/runtime/task.py").read_text()))
