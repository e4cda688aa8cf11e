"""TLS for HTTP: the operator's certificate, or one made here.

A certificate made here is kept in ``tls_dir`` and used again, so that a browser that was told to trust it is
not asked at every start. TLS 1.2 and up (RFC 9325 §3.1.1).
"""

import os
import ssl
import time
from pathlib import Path

from rtpfwd.drivers.interfaces import interface_addresses
from rtpfwd.protocols import certificate

from .settings import Settings, SettingsError

CERTIFICATE_FILE = "self-signed.crt"
KEY_FILE = "self-signed.key"


def server_context(settings: Settings) -> ssl.SSLContext | None:
    """The context to serve HTTPS with, ``None`` for plain HTTP.

    Raises ``SettingsError`` for files that do not do.
    """
    if settings.tls_cert is not None and settings.tls_key is not None:
        chain, key = settings.tls_cert, settings.tls_key
    elif settings.tls_self_signed:
        chain, key = _self_signed(settings.tls_dir)
    else:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(chain, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"TLS certificate {chain} with key {key}: {error}") from None
    return context


def _self_signed(directory: Path) -> tuple[Path, Path]:
    chain, key = directory / CERTIFICATE_FILE, directory / KEY_FILE
    if not (chain.is_file() and key.is_file()):
        names = ["localhost", *interface_addresses()]
        chain_pem, key_pem = certificate.generate(time.time_ns() // 1000, names).to_pem()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            _write_private(key, key_pem)
            chain.write_text(chain_pem)
        except OSError as error:
            raise SettingsError(f"cannot write a certificate to {directory}: {error.strerror}") from None
    return chain, key


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
