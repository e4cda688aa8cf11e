import pytest

from rtpfwd.wire.scalability import Layers, ScalabilityMode, parse_scalability_mode


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L1T3", (1, 3, False)),
        ("L3T2_KEY", (3, 2, True)),
        ("S2T3", (2, 3, False)),
        ("L4T7_KEY_SHIFT", (4, 7, True)),
        ("L3T3_SHIFT", (3, 3, False)),
        ("L20T3", (20, 3, False)),
        ("S200T3", (1, 1, False)),
        ("L99T99", (99, 99, False)),
        ("L0T3", (1, 1, False)),
        ("L3T0", (1, 1, False)),
        ("l3t3", (1, 1, False)),
        ("foo", (1, 1, False)),
        (" L3T3", (1, 1, False)),
        ("L٣T٣", (1, 1, False)),
        ("L1T3h", (1, 3, False)),
        ("", (1, 1, False)),
        (None, (1, 1, False)),
    ],
)
def test_modes_read_as_mediasoup_reads_them(text: str | None, expected: tuple[int, int, bool]) -> None:
    assert parse_scalability_mode(text) == ScalabilityMode(*expected)


def test_layers_order_spatial_before_temporal() -> None:
    assert Layers(0, 2) < Layers(1, 0) < Layers(1, 1)
