"""The answers of the real mediasoup, from vectors.json; generate_vectors.mjs makes that file."""

import json
from pathlib import Path
from typing import Any

VECTORS_FILE = Path(__file__).parent / "vectors.json"


def load_vectors() -> dict[str, Any]:
    """The table with its shared values put back in place."""
    document = json.loads(VECTORS_FILE.read_text())
    shared: list[Any] = []

    def resolve(value: Any) -> Any:
        if isinstance(value, dict):
            if set(value) == {"$"}:
                return shared[value["$"]]
            return {key: resolve(member) for key, member in value.items()}
        if isinstance(value, list):
            return [resolve(item) for item in value]
        return value

    for value in document.pop("shared"):
        shared.append(resolve(value))
    return {name: resolve(value) for name, value in document.items()}


VECTORS = load_vectors()
