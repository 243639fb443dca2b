"""Finds the pipeline that a person names: `FILE.py:name` or `package.module:name`."""

import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from schemas.problem import Problem
from streams.pipeline import Pipeline
from streams.sources import PRIVATE_MODULE


def load(target: str) -> Pipeline:
    """The pipeline at `target`. Raises `Problem` that says which line of which file is at fault.

    A file is loaded under a private module name and its folder comes last on `sys.path`: what lies beside it can be
    imported by it, and nothing of that shadows Millrace's own packages.
    """
    where, colon, name = target.rpartition(":")
    if not colon or not where or not name:
        raise Problem(f"{target!r} names no pipeline: write FILE.py:name or package.module:name")
    module = _from_file(Path(where)) if where.endswith(".py") else _from_package(where)
    found = getattr(module, name, None)
    if found is None:
        others = [each for each, value in vars(module).items() if isinstance(value, Pipeline)]
        raise Problem(f"{where} has no {name}; it defines {', '.join(others) or 'no Pipeline'}")
    if not isinstance(found, Pipeline):
        raise Problem(f"{target} is a {type(found).__name__}, not a Pipeline")
    return found


def _from_file(path: Path) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        raise Problem(f"there is no file {path}")
    name = f"{PRIVATE_MODULE}{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise _faulty(path, error) from error
    return module


def _from_package(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _faulty(Path(f"{name.replace('.', '/')}.py"), error) from error
        raise Problem(f"there is no module {name}: write FILE.py:name, or a module that can be imported") from error
    except Exception as error:
        raise _faulty(Path(f"{name.replace('.', '/')}.py"), error) from error


def _faulty(path: Path, error: Exception) -> Problem:
    """Names the last line of the user's own file that was running when it failed."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).name == path.name]
    said = str(error) if isinstance(error, Problem) else f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) and error.filename is not None:
        path, lines = Path(error.filename), [error.lineno] if error.lineno is not None else []
        said = f"{type(error).__name__}: {error.msg}"
    at = f"{path.name}, line {lines[-1]}" if lines else path.name
    return Problem(f"{at}: {said}")
