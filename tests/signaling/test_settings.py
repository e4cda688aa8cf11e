"""Where settings come from, and what is said about those that cannot be used."""

from pathlib import Path

import pytest

from signaling.settings import SettingsError, load_settings

SEEDS_ENV = """PORT=5000
LISTEN_IP=0.0.0.0
ANNOUNCED_IP=your-public-ip
MEDIASOUP_LISTEN_PORT=3000
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those of the test."""
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "HOST", "LISTEN_IP", "ANNOUNCED_IP", "MEDIASOUP_LISTEN_PORT", "ALLOWED_ORIGINS"):
        monkeypatch.delenv(name, raising=False)


def test_the_example_env_file_works_as_it_is() -> None:
    Path(".env").write_text(SEEDS_ENV)
    settings = load_settings()
    assert (settings.port, settings.mediasoup_listen_port) == (5000, 3000)
    assert settings.listen_ip == ("0.0.0.0",) and settings.announced_ip == ("your-public-ip",)


def test_defaults_are_those_of_the_example() -> None:
    settings = load_settings()
    assert (settings.port, settings.mediasoup_listen_port) == (5000, 3000)
    assert settings.listen_ip == ("0.0.0.0", "::"), "every address, of both families"
    assert settings.announced_ip == () and settings.allowed_origins == ()
    assert settings.resume_window_s == 30 and not settings.tls


def test_flags_beat_environment_beats_env_file_beats_toml(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("rtpfwd.toml").write_text('port = 1\nhost = "toml"\nlisten_ip = "1.1.1.1"\nresume_window_s = 5\n')
    Path(".env").write_text("PORT=2\nHOST=dotenv\nLISTEN_IP=2.2.2.2\nUNRELATED=x\n")
    monkeypatch.setenv("PORT", "3")
    monkeypatch.setenv("HOST", "environment")
    settings = load_settings(port=4, host=None)
    assert (settings.port, settings.host) == (4, "environment")
    assert settings.listen_ip == ("2.2.2.2",) and settings.resume_window_s == 5


def test_lists_are_comma_separated_or_toml_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("rtpfwd.toml").write_text('announced_ip = ["a.example", "192.0.2.1"]\n')
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example, https://b.example,")
    settings = load_settings()
    assert settings.announced_ip == ("a.example", "192.0.2.1")
    assert settings.allowed_origins == ("https://a.example", "https://b.example")


def test_limits_are_a_table_and_nested_names(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("other.toml").write_text("media_port = 4000\n[limits]\nrooms = 7\nchat_length = 8\n")
    monkeypatch.setenv("LIMITS__CHAT_LENGTH", "9")
    settings = load_settings(Path("other.toml"))
    assert settings.mediasoup_listen_port == 4000
    assert (settings.limits.rooms, settings.limits.chat_length) == (7, 9)
    assert settings.limits.peers_per_room == 50


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("port = 99999", "port"),
        ("prot = 5", "unknown setting: prot"),
        ("[limits]\nroms = 5", "limits.roms"),
        ("[limits]\nrooms = 0", "limits.rooms"),
        ("resume_window_s = nan", "resume_window_s"),
        ("port = ", "is not TOML"),
        ('tls_cert = "x.pem"', "tls_key"),
        ('log_format = "xml"', "log_format"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(toml: str, message: str) -> None:
    Path("rtpfwd.toml").write_text(toml)
    with pytest.raises(SettingsError, match=message):
        load_settings()


def test_a_file_that_was_asked_for_must_exist() -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        load_settings(Path("nowhere.toml"))
