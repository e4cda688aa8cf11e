"""The documents stay true where a machine can tell."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def named_files(text: str) -> set[str]:
    return set(re.findall(r"`((?:rtpfwd|signaling|static|tests)/[\w./-]+\.\w+)`", text))


def test_every_file_that_the_documents_name_exists():
    missing = {
        f"{document}: {file}"
        for document in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")
        for file in named_files((ROOT / document).read_text())
        if not (ROOT / file).exists()
    }
    assert missing == set()


def test_the_documents_name_files_at_all():
    assert len(named_files((ROOT / "ARCHITECTURE.md").read_text())) > 20


def test_lock_files_record_no_download_addresses():
    for lock in ("static/package-lock.json", "tests/package-lock.json", "requirements.lock"):
        text = (ROOT / lock).read_text()
        assert '"resolved"' not in text, lock
        assert not re.search(r"https?://[^\s\"]*\.(?:tgz|whl|tar\.gz)", text), lock
