"""Models as pickles, and which names such a pickle may hold when it is read back."""

import importlib
import io
import pickle
import sys
from collections.abc import Callable
from types import FunctionType, MethodDescriptorType, MethodType
from typing import Any

from river.base import Base

from schemas.problem import Problem
from streams.sources import PRIVATE_MODULE

CONTAINERS = {
    "_codecs": {"encode"},
    "array": {"_array_reconstructor", "array"},
    "builtins": {"bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int"}
    | {"iter", "list", "object", "set", "slice", "str", "tuple"},
    "collections": {"Counter", "OrderedDict", "defaultdict", "deque"},
    "copy": {"deepcopy"},
    "copyreg": {"__newobj__", "_reconstructor"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "functools": {"partial"},
    "numpy": {"dtype", "ndarray"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"},
    "numpy.random._mt19937": {"MT19937"},
    "numpy.random._pcg64": {"PCG64"},
    "numpy.random._pickle": {"__bit_generator_ctor", "__generator_ctor", "__randomstate_ctor"},
    "numpy.random.bit_generator": {"SeedSequence", "__pyx_unpickle_SeedSequence"},
    "random": {"Random"},
    "statistics": {"NormalDist"},
}
"""What River's models are made of beside River: none of it does anything but hold values, or call what is in it."""

_READS_AND_WRITES = ("river.api", "river.checks", "river.datasets", "river.evaluate", "river.stream")


class Pickled:
    """Writes what `sample` is an early example of, and reads it back.

    A pickle may name what it likes, and reading it calls that. So what is read may name only the `CONTAINERS`, River's
    classes and their functions, classes that `owns` says are the caller's, and what a pickle of `sample` names.
    `module` is where the caller's names are looked up that come from a file loaded under a private name.

    Raises `Problem` where `sample` cannot be written.
    """

    def __init__(self, sample: object, *, what: str, module: str, owns: Callable[[type], bool]) -> None:
        self._what, self._module, self._owns = what, module, owns
        self._named: set[tuple[str, str]] = set()
        try:
            written = self.write(sample)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise Problem(
                f"{what} cannot be saved ({error}): it may hold functions and classes that stand at the top level of a "
                f"file, with names of their own, not lambdas nor inner functions"
            ) from error
        noting = _Noting(io.BytesIO(written))
        noting.load()
        self._named = noting.named

    def write(self, value: object) -> bytes:
        """`value` as a pickle."""
        return pickle.dumps(value, protocol=5)

    def read(self, written: bytes) -> Any:
        """What was written. Raises `Problem` where it names what it may not, or is none of ours."""
        try:
            return _Restricted(io.BytesIO(written), self._find).load()
        except Problem:
            raise
        except Exception as error:  # from a pickle of other versions anything may come: named
            raise Problem(
                f"{self._what} that was saved cannot be read ({type(error).__name__}: {error}): run the versions of "
                f"Python, River and numpy it was saved with, or start a new version of the pipeline"
            ) from error

    def _find(self, module: str, name: str) -> Any:
        if module == "builtins" and name == "getattr":
            return _method
        if module.startswith(PRIVATE_MODULE) and self._module.startswith(PRIVATE_MODULE):
            module = self._module
        if name in CONTAINERS.get(module, ()) or (module, name) in self._named:
            return _resolve(module, name)
        if module == self._module or module.startswith(f"{self._module}."):
            return self._found(module, name, self._owns)
        if module.startswith("river.") and not module.startswith(_READS_AND_WRITES):
            return self._found(module, name, lambda found: found.__module__.startswith("river."))
        raise self._refused(module, name)

    def _found(self, module: str, name: str, admits: Callable[[type], bool]) -> Any:
        """The class of that name, or the function inside a class."""
        outer, _, inner = name.partition(".")
        found = _resolve(module, outer)
        if not (isinstance(found, type) and admits(found)):
            raise self._refused(module, name)
        if not inner:
            return found
        member = _resolve(module, name)
        if not isinstance(member, FunctionType | MethodType | type) or not member.__qualname__.startswith(f"{outer}."):
            raise self._refused(module, name)
        return member

    def _refused(self, module: str, name: str) -> Problem:
        return Problem(
            f"{self._what} that was saved names {module}.{name}, which none is made of, so it was not read: find out "
            f"who wrote it"
        )


class _Restricted(pickle.Unpickler):
    """Looks names up with `find`."""

    def __init__(self, file: io.BytesIO, find: Callable[[str, str], Any]) -> None:
        super().__init__(file)
        self._find = find

    def find_class(self, module: str, name: str) -> Any:
        return self._find(module, name)


class _Noting(pickle.Unpickler):
    """Notes which names our own pickle of a sample holds."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.named: set[tuple[str, str]] = set()

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) != ("builtins", "getattr"):
            self.named.add((module, name))
        return super().find_class(module, name)


def _resolve(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module) or importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _method(of: Any, name: str) -> Any:
    """A method, which is all that a model's pickle needs `getattr` for."""
    found = None if name.startswith("__") else getattr(of, name)
    bound = callable(found) and getattr(found, "__self__", None) is of
    if not (bound or isinstance(found, MethodDescriptorType)):
        raise Problem(f"a model that was saved asks for {name} of a {type(of).__name__}, which is no method: not read")
    return found


def pickled_model(sample: object, module: str) -> Pickled:
    """For the River models of a pipeline that stands in `module`, of which `sample` is one that has learnt nothing."""
    return Pickled(sample, what="the model", module=module, owns=lambda found: issubclass(found, Base))
