"""Node programs of this folder, run to their end with one JSON value as result."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
MODULES = HERE.parent / "node_modules"
LIMIT_S = 40.0
NEEDED = ("mediasoup-client", "socket.io-client", "@roamhq/wrtc", "fake-mediastreamtrack")


def why_not() -> str | None:
    """What is missing on this machine, or ``None``."""
    if shutil.which("node") is None:
        return "node is not installed"
    missing = [name for name in NEEDED if not (MODULES / name).is_dir()]
    if missing:
        return f"tests/node_modules lacks {', '.join(missing)}: run make setup (npm ci in tests/)"
    return None


def require_node() -> None:
    """Skips the test, saying why, where node or its packages are not there."""
    reason = why_not()
    if reason is not None:
        print(f"skipped: {reason}")
        pytest.skip(reason)


async def run_node(script: str, *arguments: str, limit_s: float = LIMIT_S) -> dict[str, Any]:
    """The JSON object that a script prints as its last line. The process is gone when this returns.

    Raises ``AssertionError`` with what the script said when it failed or took longer than ``limit_s``.
    """
    process = await asyncio.create_subprocess_exec(
        "node",
        str(HERE / script),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=HERE,
    )
    try:
        async with asyncio.timeout(limit_s):
            out, errors = await process.communicate()
    except TimeoutError:
        raise AssertionError(f"{script} took longer than {limit_s} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = out.decode().strip().splitlines()
    result = json.loads(lines[-1]) if lines else {}
    assert process.returncode == 0 and isinstance(result, dict), (
        f"{script} ended with {process.returncode}: {result.get('error', '')}\n{errors.decode()[-2000:]}"
    )
    return result
