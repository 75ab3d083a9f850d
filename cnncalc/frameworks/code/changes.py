"""What module-level statements change: directly, through other names of the same value, and by calls.

The changes are found in the source before anything runs. If in doubt, a statement counts as changing a value; it then
at worst runs needlessly. Attributes that affect no figure (`requires_grad`) do not count.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from .budget import ITEMS_A_STEP, Budget
from .source import DEFINED, inner_statements

STEPS_A_STATEMENT = 4
"""How many steps it takes to find what a module-level statement changes."""
_CHANGING = """
    append extend insert add update setdefault pop remove clear reverse sort move_to_end add_module register_module
    register_buffer register_parameter __setitem__ add_layer popitem discard build add_argument set_defaults apply
    appendleft popleft
"""
CHANGING = frozenset(_CHANGING.split())
"""Methods that change their object."""
CHANGING_FIRST = frozenset(["setattr", "delattr", "next"])
"""Built-in functions that change their first argument."""
CHANGING_PACKAGES = frozenset(
    ["torch.nn.utils", "torch.nn.utils.prune", "torch.nn.utils.parametrize", "torch.nn.utils.parametrizations"]
)
"""PyTorch packages whose functions change the modules passed to them."""
IDLE = frozenset(["requires_grad", "data", "grad", "training", "lr"])
"""Attributes that affect no figure."""
_PASSING = "zip enumerate reversed sorted list tuple dict iter next set filter getattr vars"
PASSING = frozenset(_PASSING.split())
"""Built-in functions whose results contain their arguments."""
_APART = """
    clone detach item numpy tolist state_dict parameters named_parameters buffers named_buffers forward predict fit
    fit_generator evaluate train_on_batch test_on_batch predict_on_batch
"""
APART = frozenset(_APART.split())
"""Methods whose results share nothing with their object that affects a figure."""


def is_guard(node: ast.stmt) -> bool:
    """Return whether a statement is `if __name__ == "__main__":`, whose body runs only if the file is a script."""
    if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare):
        return False
    sides = [node.test.left, *node.test.comparators]
    return any(isinstance(one, ast.Name) and one.id == "__name__" for one in sides)


def imported_names(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return the names that an import binds; `*` for all names of a module."""
    if isinstance(node, ast.Import):
        return [one.asname or one.name.partition(".")[0] for one in node.names]
    return [one.asname or one.name for one in node.names]


def import_paths(statements: Iterable[ast.stmt]) -> dict[str, str]:
    """Return the dotted names of what imports bind, by bound name, in the statements and those nested in them."""
    found = dict[str, str]()
    waiting = list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ImportFrom):
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Import):
            found |= {one.asname: one.name for one in node.names if one.asname is not None}
        waiting += inner_statements(node)
    return found


def parts_of(target: ast.expr) -> Iterator[ast.expr]:
    """Yield the single targets of an assignment: names, attributes and items."""
    if isinstance(target, ast.Starred):
        yield from parts_of(target.value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for one in target.elts:
            yield from parts_of(one)
    else:
        yield target


def root_of(node: ast.expr) -> str | None:
    """Return the name at the start of a chain of attributes, items and calls: `net` of `net.layers[0].add`."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def targets_of(node: ast.AST) -> list[ast.expr]:
    """Return the targets that a statement assigns or deletes."""
    if isinstance(node, (ast.Assign, ast.Delete)):
        return node.targets
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return []
    if isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.For, ast.AsyncFor, ast.NamedExpr)):
        return [node.target]
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return [one.optional_vars for one in node.items if one.optional_vars is not None]
    return []


def sharing(node: ast.AST | None) -> set[str]:
    """Return the names whose values, or parts of them, an expression may return: `a` and `b` of `[a, b.parts[0]]`."""
    found: set[str] = set()
    waiting = [] if node is None else [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Name):
            found.add(one.id)
        elif isinstance(one, ast.Call):
            passed = [*one.args, *[key.value for key in one.keywords]]
            if isinstance(one.func, ast.Attribute):
                waiting += [one.func.value] if one.func.attr not in APART else []
            elif isinstance(one.func, ast.Name) and one.func.id in PASSING:
                waiting += passed
        else:
            for part in [getattr(one, field) for field in _PARTS.get(type(one), ())]:
                waiting += part if isinstance(part, list) else [part]
    return found


_PARTS: dict[type[ast.AST], tuple[str, ...]] = {
    **dict.fromkeys([ast.Attribute, ast.Subscript, ast.Starred, ast.NamedExpr], ("value",)),
    **dict.fromkeys([ast.List, ast.Tuple, ast.Set], ("elts",)),
    **dict.fromkeys([ast.Dict, ast.BoolOp], ("values",)),
    **dict.fromkeys([ast.ListComp, ast.SetComp, ast.GeneratorExp], ("elt", "generators")),
    ast.DictComp: ("value", "generators"),
    ast.comprehension: ("iter",),
    ast.BinOp: ("left", "right"),
    ast.IfExp: ("body", "orelse"),
}
"""The fields of an expression whose values may become part of its own value."""

_LEAVES = (ast.Name, ast.Constant, ast.expr_context)
"""Nodes that neither call nor assign anything."""


class _Call(NamedTuple):
    """A call, or a function passed as an argument, with the names that each argument may share a value with."""

    name: str
    receiver: set[str] | None = None
    args: Sequence[set[str]] = ()
    kwargs: Mapping[str | None, set[str]] = MappingProxyType({})
    any_order: bool = False
    """Whether any argument may go to any parameter."""


class _Scope:
    """What a function, or a module-level statement, changes."""

    def __init__(
        self,
        body: Iterable[ast.AST],
        imports: Mapping[str, str],
        args: ast.arguments | None = None,
        owner: str | None = None,
    ):
        """`imports` maps imported names to dotted names; `owner` is the class of a method."""
        self.imports = imports
        self.owner, self.is_function = owner, args is not None
        every = [] if args is None else [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
        self.params = [one.arg for one in every if one is not None]
        self.own = set(self.params)
        """The names that it binds, except those declared `global` or `nonlocal`."""
        self.changed: set[str] = set()
        """The names whose values it may change itself."""
        self.outer: set[str] = set()
        """The module-level names whose values may be changed by the functions that it calls."""
        self.shared: list[set[str]] = []
        """Sets of names that may refer to one value, or to parts of it."""
        self.held: list[tuple[set[str], set[str]]] = []
        """Pairs of names: the values of the first were put into those of the second, which change with them, but not
        vice versa."""
        self.freezes = False
        """Whether it may set what is trainable, which affects everything made from it."""
        self.calls: list[_Call] = []
        self.inner: list[tuple[str, _Scope]] = []
        """The functions defined in it, by name."""
        outside: set[str] = set()
        waiting = list(body)
        while waiting:
            node = waiting.pop()
            if isinstance(node, DEFINED):
                self.own.add(node.name)
                decorators = [one for one in node.decorator_list if not isinstance(one, ast.Call)]
                self.calls += [_Call(name) for name in map(_called, decorators) if name is not None]
                waiting += node.decorator_list
                if isinstance(node, ast.ClassDef):
                    made = _Scope(node.body, imports, owner=node.name)
                    self.inner += made.inner
                    self.changed |= made.changed - made.own
                    self.calls += made.calls
                else:
                    self.inner.append((node.name, _Scope(node.body, imports, node.args, owner)))
                continue
            if isinstance(node, (ast.Global, ast.Nonlocal)):
                outside |= set(node.names)
            self._note(node)
            waiting += [one for one in ast.iter_child_nodes(node) if not isinstance(one, _LEAVES)]
        self.changed |= self.own & outside
        self.own -= outside

    def _note(self, node: ast.AST) -> None:
        """Record the effects of one statement or expression, without those nested in it."""
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self.own |= set(imported_names(node))
        elif isinstance(node, ast.Call):
            self._note_call(node)
        targets = [part for target in targets_of(node) for part in parts_of(target)]
        if not targets and not isinstance(node, (ast.With, ast.AsyncWith)):
            return
        names = {one.id for one in targets if isinstance(one, ast.Name)}
        held: set[str] = set()
        for one in targets:
            if isinstance(one, ast.Subscript) or (isinstance(one, ast.Attribute) and one.attr not in IDLE):
                held |= sharing(one.value)
        self.own |= names
        self.changed |= held
        self.freezes |= any(isinstance(one, ast.Attribute) and one.attr == "trainable" for one in targets)
        if (
            isinstance(node, ast.AugAssign)
            and isinstance(node.op, ast.Add)
            and not isinstance(node.value, ast.Constant)
        ):
            self.changed |= names  # lists are changed in place
        if isinstance(node, (ast.With, ast.AsyncWith)):
            self.shared.append(names.union(*[sharing(one.context_expr) for one in node.items]))
        elif not isinstance(node, ast.Delete):
            value = sharing(node.iter if isinstance(node, (ast.For, ast.AsyncFor)) else getattr(node, "value", None))
            is_put = isinstance(node, ast.AugAssign)
            self.shared += [] if is_put else [names | value]
            self.held.append((value, names | held if is_put else held))

    def _note_call(self, node: ast.Call) -> None:
        """Record a call: what it changes if it is a mutating method, and which functions it may run."""
        name = _called(node)
        receiver = sharing(node.func.value) if isinstance(node.func, ast.Attribute) else None
        args = [sharing(one) for one in node.args]
        kwargs = {one.arg: sharing(one.value) for one in node.keywords}
        into, put = (receiver, args) if name in CHANGING else (None, args)
        if args and name in CHANGING_FIRST:
            into, *put = args
        elif _path(node.func, self.imports).rpartition(".")[0] in CHANGING_PACKAGES:
            into, put = set().union(*args, *kwargs.values()), []
        if into is not None:
            self.changed |= into
            self.held.append((set().union(*put, *kwargs.values()), into))
        if name is not None:
            several = None in kwargs or any(isinstance(one, ast.Starred) for one in node.args)
            self.calls.append(_Call(name, receiver, args, kwargs, several))
        handed = [*node.args, *[one.value for one in node.keywords]]
        every = set[str]().union(receiver or (), *args, *kwargs.values())
        self.calls += [_Call(one.id, None, [every], any_order=True) for one in handed if isinstance(one, ast.Name)]

    def grow(self, changed: set[str], outer: set[str], freezes: bool = False) -> bool:
        """Add the changes of a function that it calls or contains. Return whether anything is new."""
        if changed <= self.changed and outer <= self.outer and freezes <= self.freezes:
            return False
        self.changed |= changed
        self.outer |= outer
        self.freezes |= freezes
        return True

    def close(self, others: Mapping[str, set[str]]) -> None:
        """Add the names whose values change with those already recorded."""
        waiting = list(self.changed)
        while waiting:
            more = others.get(waiting.pop(), set()) - self.changed
            self.changed |= more
            waiting += more

    def beyond(self) -> set[str]:
        """Return the names outside its scope whose values it may change."""
        return self.outer | (self.changed - self.own)

    def arguments_changed(self, call: _Call) -> set[str]:
        """Return the names at a call site that share a value with an argument that it changes."""
        if self.changed.isdisjoint(self.params):
            return set()
        if call.any_order:
            return set().union(call.receiver or (), *call.args, *call.kwargs.values())
        given = list(call.args) if self.owner is None else [call.receiver or set(), *call.args]
        pairs = [*zip(self.params, given, strict=False), *call.kwargs.items()]
        return {name for param, names in pairs if param in self.changed for name in names}


def _called(node: ast.expr) -> str | None:
    """Return the name by which a function or method is called."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None


def _path(node: ast.expr, imports: Mapping[str, str]) -> str:
    """Return the dotted name of a function, with imported names resolved: `torch.nn.utils.f` for `u.f`."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    root = node.id if isinstance(node, ast.Name) else ""
    return ".".join([imports.get(root, root), *reversed(names)])


def _others(scopes: Sequence[_Scope], known: set[str]) -> dict[str, set[str]]:
    """Return, for each name, the names whose values change with its value; names that share a value have one set."""
    groups: dict[str, set[str]] = {}
    for names in [names & known for scope in scopes for names in scope.shared]:
        joined = {id(one): one for one in [groups.setdefault(name, {name}) for name in names]}.values()
        largest = max(joined, key=len, default=set())
        for one in joined:
            if one is not largest:
                largest |= one
                groups |= dict.fromkeys(one, largest)
    for names, into in [(names & known, into & known) for scope in scopes for names, into in scope.held]:
        for name in names:
            groups.setdefault(name, {name}).update(into)
    return groups


def changes(statements: Sequence[ast.stmt], budget: Budget) -> list[tuple[set[str], set[str], set[str]]]:
    """Return, for each module-level statement, the names that it binds, changes, and may change.

    The names that it may change are those that may share a value with one that it binds or changes.
    """
    budget.count(STEPS_A_STATEMENT * len(statements))
    paths = import_paths(statements)
    tops = [_Scope([] if is_guard(node) else [node], paths) for node in statements]
    every = list(tops)
    for scope in every:  # `every` grows
        every += [one for _, one in scope.inner]
    imports = [node for node in statements if isinstance(node, (ast.Import, ast.ImportFrom))]
    modules = {name for node in imports for name in imported_names(node)}
    bound = set[str]().union(*[one.own for one in every]) - modules
    of_all = _others(tops, bound)
    others = {id(one): _others([one], bound | one.own) for one in every if one.is_function}
    budget.count(sum([1 + (len(one.calls) + len(one.shared)) // ITEMS_A_STEP for one in every]))
    _follow_calls(every, others, budget)
    for scope in tops:
        scope.changed |= scope.outer
    direct = [set(scope.changed) for scope in tops]
    for scope in tops:
        scope.close(of_all)
    if any(one.freezes for one in tops):
        made_of = _made_of(zip(statements, tops, strict=True), bound)
        for scope in tops:
            if scope.freezes:
                scope.close(made_of)
    return [(one.own, own - modules, one.changed - own - modules) for one, own in zip(tops, direct, strict=True)]


def _made_of(tops: Iterable[tuple[ast.stmt, _Scope]], known: set[str]) -> dict[str, set[str]]:
    """Return, for each module-level name, the names bound by statements that mention it."""
    found = defaultdict[str, set[str]](set)
    for node, scope in tops:
        for one in ast.walk(node) if scope.own and not isinstance(node, DEFINED) else ():
            if isinstance(one, ast.Name) and one.id in known:
                found[one.id] |= scope.own
    return found


def _callers(every: list[_Scope], budget: Budget) -> dict[int, list[tuple[_Call, _Scope]]]:
    """Return the calls that may run each function of the source, with their scopes."""
    functions = defaultdict[str, list[_Scope]](list)
    for scope in every:
        for name, one in scope.inner:
            functions[name].append(one)
            if one.owner is not None and name == "__init__":
                functions[one.owner].append(one)
    found = defaultdict[int, list[tuple[_Call, _Scope]]](list)
    for scope in every:
        for call in scope.calls:
            budget.count(len(functions.get(call.name, ())))
            for one in functions.get(call.name, ()):
                found[id(one)].append((call, scope))
    return found


def _follow_calls(every: list[_Scope], others: Mapping[int, dict[str, set[str]]], budget: Budget) -> None:
    """Propagate changes from functions to the scopes that call or contain them.

    `others` gives, for each function and each of its names, the names whose values change with it.
    """
    callers = _callers(every, budget)
    around = {id(one): scope for scope in every if scope.is_function for _, one in scope.inner}
    waiting = {id(scope): scope for scope in every}
    while waiting:
        _, scope = waiting.popitem()
        users = callers[id(scope)]
        budget.count(1 + len(users))
        if scope.is_function:
            scope.close(others[id(scope)])
        outer = around.get(id(scope))
        if outer is not None and outer.grow(scope.changed - scope.own, scope.outer):
            waiting[id(outer)] = outer
        beyond = scope.beyond()
        for call, user in users:
            if user.grow(scope.arguments_changed(call), beyond, scope.freezes):
                waiting[id(user)] = user
