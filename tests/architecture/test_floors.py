"""The house keeps its shape: what the floors, the purity rule or the package homes forbid fails here.

``violations`` works on any tree of sources, so the last tests break each rule on purpose in a copy and see it
caught.
"""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FLOORS = {
    "rtpfwd.clock": 1,
    "rtpfwd.errors": 1,
    "rtpfwd.wire": 2,
    "rtpfwd.protocols": 3,
    "rtpfwd.congestion": 3,
    "rtpfwd.inspection": 3,
    "rtpfwd.ortc": 3,
    "rtpfwd.dataplane": 4,
    "rtpfwd.capture": 5,
    "rtpfwd.sfu": 5,
    "rtpfwd.drivers": 6,
    "rtpfwd.cli": 7,
    "rtpfwd.testing": 7,
    "signaling": 7,
}
IMPURE = frozenset({"rtpfwd.drivers", "rtpfwd.cli", "rtpfwd.testing", "signaling"})
CLOCKS = {"datetime", "time"}
CHANCE = {"random", "secrets", "uuid"}
THE_WORLD = {"logging", "os", "select", "selectors", "socket", "subprocess", "tempfile"}
OTHER_THREADS = {"asyncio", "multiprocessing", "threading"}
IMPURE_MODULES = CLOCKS | CHANCE | THE_WORLD | OTHER_THREADS
IMPURE_CALLS = frozenset({"open", "input", "print"})
HOMES = {
    "aioice": {"rtpfwd.wire.stun"},
    "OpenSSL": {"rtpfwd.protocols.dtls", "rtpfwd.protocols.certificate"},
    "cryptography": {"rtpfwd.protocols.dtls", "rtpfwd.protocols.certificate"},
    "pylibsrtp": {"rtpfwd.protocols.srtp"},
    "aiohttp": {"signaling"},
    "socketio": {"signaling"},
    "engineio": {"signaling"},
    "uvloop": {"rtpfwd.drivers"},
    "ifaddr": {"rtpfwd.drivers"},
    "typer": {"rtpfwd.cli", "signaling"},
    "rich": {"rtpfwd.cli", "signaling"},
    "structlog": {"rtpfwd.drivers", "rtpfwd.cli", "signaling"},
    "prometheus_client": {"signaling"},
    "pytest": {"rtpfwd.testing"},
    "pydantic": {"signaling"},
    "jwt": {"signaling"},
    "pydantic_settings": {"signaling"},
}
# Modules of the impure kind that are allowed below the drivers, and why.
EXCEPTIONS = {
    # Certificate validity is given as datetimes; the current time is a parameter.
    ("rtpfwd.protocols.certificate", "datetime"),
}
MAX_LINES = 405


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def home(module: str) -> str | None:
    return next((name for name in FLOORS if module == name or module.startswith(name + ".")), None)


def imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                keep = len(parts) - node.level + (1 if is_package else 0)
                base = ".".join([*parts[:keep], *([base] if base else [])])
            yield base, node.lineno
            for alias in node.names:
                yield f"{base}.{alias.name}", node.lineno


def violations(root: Path, only: Path | None = None) -> list[str]:
    found = []
    for top in ("rtpfwd", "signaling"):
        for path in sorted((root / top).rglob("*.py")) if only is None else [only]:
            module = module_name(path, root)
            source = path.read_text()
            tree = ast.parse(source)
            for what, line in _check(module, tree, path.name == "__init__.py"):
                found.append(f"{module}:{line}: {what}")
            lines = source.count("\n")
            if lines > MAX_LINES:
                found.append(f"{module}: {lines} lines, is there a second idea to take out?")
            if source.strip() and ast.get_docstring(tree) is None:
                found.append(f"{module}: no docstring says what it is")
    return found


def _check(module: str, tree: ast.AST, is_package: bool) -> Iterator[tuple[str, int]]:
    own = home(module)
    pure = own is not None and own not in IMPURE
    for imported, line in imports(tree, module, is_package):
        package = imported.partition(".")[0]
        target = home(imported)
        if module == "rtpfwd" and target is not None and FLOORS[target] > 1:
            yield f"the package's face imports {imported}", line
        if own is not None and target is not None and target != own and FLOORS[target] >= FLOORS[own]:
            yield f"imports {imported}, which is not on a lower floor", line
        if target == "rtpfwd.dataplane" and own not in (None, "rtpfwd.dataplane"):
            door = imported.startswith("rtpfwd.dataplane.interface") or imported == "rtpfwd.dataplane"
            loader = own in ("rtpfwd.drivers", "rtpfwd.cli") and imported.startswith("rtpfwd.dataplane.load")
            if not door and not loader:
                yield f"imports {imported}: of the data plane only the interface is for others", line
        if target == "signaling" and own != "signaling":
            yield "rtpfwd imports signaling", line
        if pure and package in IMPURE_MODULES and (module, package) not in EXCEPTIONS:
            yield f"imports {package} below the drivers", line
        homes = HOMES.get(package)
        if homes is not None and not any(module == one or module.startswith(one + ".") for one in homes):
            yield f"imports {package}, whose home is {', '.join(sorted(homes))}", line
    if not pure:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield "async below the drivers", node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            yield f"calls {node.func.id}() below the drivers", node.lineno


def test_the_house_keeps_its_floors_its_purity_and_its_homes():
    assert violations(ROOT) == []


def test_every_file_of_the_house_is_on_a_floor():
    strangers = [
        module
        for path in (ROOT / "rtpfwd").rglob("*.py")
        if (module := module_name(path, ROOT)) != "rtpfwd" and home(module) is None
    ]
    assert strangers == []


BREAKS = [
    ("rtpfwd/wire/rtp.py", "import rtpfwd.protocols.srtp", "not on a lower floor"),
    ("rtpfwd/congestion/arrival_log.py", "from rtpfwd.ortc import capabilities", "not on a lower floor"),
    ("rtpfwd/inspection/inspector.py", "import rtpfwd.congestion", "not on a lower floor"),
    ("rtpfwd/sfu/router.py", "from rtpfwd.drivers import udp", "not on a lower floor"),
    (
        "rtpfwd/sfu/router.py",
        "from rtpfwd.dataplane.reference.plane import ReferencePlane",
        "only the interface",
    ),
    ("rtpfwd/drivers/udp.py", "import signaling.room", "not on a lower floor"),
    ("rtpfwd/protocols/ice_lite.py", "import time", "imports time below"),
    ("rtpfwd/protocols/timers.py", "import asyncio", "imports asyncio below"),
    ("rtpfwd/dataplane/reference/plane.py", "import socket", "imports socket below"),
    ("rtpfwd/sfu/worker.py", "import random", "imports random below"),
    ("rtpfwd/sfu/worker.py", "from os import urandom", "imports os below"),
    ("rtpfwd/sfu/worker.py", "import logging", "imports logging below"),
    ("rtpfwd/sfu/worker.py", "async def sneaky(): ...", "async below"),
    ("rtpfwd/sfu/worker.py", "print('here')", "calls print"),
    ("rtpfwd/protocols/dtls.py", "import aioice", "whose home is rtpfwd.wire.stun"),
    ("rtpfwd/wire/rtp.py", "from OpenSSL import SSL", "imports OpenSSL"),
    ("signaling/tls.py", "from cryptography import x509", "imports cryptography"),
    ("rtpfwd/dataplane/reference/plane.py", "import pylibsrtp", "imports pylibsrtp"),
    ("rtpfwd/drivers/realtime.py", "import aiohttp", "imports aiohttp"),
    ("rtpfwd/cli/app.py", "import socketio", "imports socketio"),
]


@pytest.fixture(scope="module")
def copy_of_the_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("house")
    for top in ("rtpfwd", "signaling"):
        shutil.copytree(ROOT / top, root / top, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.mark.parametrize(("file", "line", "complaint"), BREAKS)
def test_a_broken_rule_is_caught(copy_of_the_house: Path, file: str, line: str, complaint: str):
    path = copy_of_the_house / file
    before = path.read_text()
    try:
        path.write_text(f"{before}\n{line}\n")
        found = violations(copy_of_the_house, path)
    finally:
        path.write_text(before)
    assert any(complaint in one for one in found), found
