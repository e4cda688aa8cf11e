"""A file that grows in a thread of its own, so that a slow disk never holds a packet up.

What waits to be written is bounded; a disk that is full or too slow ends the file, and nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

MAX_WAITING = 16 << 20
PAUSE_S = 0.25
"""How long bytes are gathered before they go to the disk."""
BREATHER_S = 0.001
PIECES_AT_ONCE = 16
"""So many pieces are made before the thread gives way: making them keeps the interpreter from packets."""


class CaptureFile:
    """Opens at once; raises ``OSError`` where that is not possible. Existing files are not overwritten.

    ``pieces`` are written first, and taken in the file's thread.
    """

    def __init__(
        self,
        path: Path,
        *,
        open_file: Callable[[Path], BinaryIO] | None = None,
        max_waiting: int = MAX_WAITING,
        pieces: Iterable[bytes] = (),
    ) -> None:
        self.path = path
        self.error: str | None = None
        """What ended the file before its time."""
        self._file = open_file(path) if open_file is not None else path.open("xb")
        self._max_waiting = max_waiting
        self._waiting = bytearray()
        self._lock = threading.Lock()
        self._pieces = pieces
        self._closing = threading.Event()
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"capture {path.name}", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> bool:
        """Append, some time soon; False where the file has ended."""
        if self.error is not None:
            return False
        with self._lock:
            if len(self._waiting) + len(data) > self._max_waiting:
                self.error = "the disk is too slow"
                return False
            self._waiting += data
        return True

    def close(self) -> None:
        """No more comes; the rest is written in the background."""
        self._closing.set()

    def join(self) -> None:
        """Wait until all is written. Not for the event loop."""
        self._hurry.set()
        self._thread.join()

    @property
    def done(self) -> bool:
        """Whether the thread has ended."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            try:
                for count, piece in enumerate(self._pieces, 1):
                    self._file.write(piece)
                    if count % PIECES_AT_ONCE == 0:
                        self._hurry.wait(BREATHER_S)
                while True:
                    closing = self._closing.wait(PAUSE_S)
                    with self._lock:
                        data, self._waiting = self._waiting, bytearray()
                    if data:
                        self._file.write(data)
                        self._file.flush()
                    if closing and not data:
                        return
            finally:
                self._file.close()
        except OSError as error:
            self.error = error.strerror or str(error)
            with self._lock:
                self._waiting = bytearray()
