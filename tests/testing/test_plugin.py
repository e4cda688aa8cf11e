"""The plugin as other projects meet it: a test file of theirs, run by pytest."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rtpfwd.drivers.netem import LinkSpec

pytest_plugins = "pytester"
PCAPS = Path(__file__).resolve().parents[2] / "pcaps"

THEIRS = f"""
import pytest
from rtpfwd.testing.gaps import assert_no_gaps

VP8 = {str(PCAPS / "vp8.pcapng")!r}

def test_whole(replay):
    assert_no_gaps(replay(VP8).consumer().packets)

def test_holes(replay, link):
    assert_no_gaps(replay(VP8, uplink=link("lossy-5", delay_us=0)).consumer().packets)

def test_golden(replay, golden):
    golden(replay(VP8).consumer().packets, ignoring=["extensions"])
"""


def test_a_project_that_only_installed_us_has_the_fixtures(pytester: pytest.Pytester):
    """Golden files are written when asked for, and compared ever after."""
    path = pytester.makepyfile(test_calls=THEIRS)
    written = run(pytester, "--rtpfwd-update-golden")
    written.assert_outcomes(passed=2, failed=1)
    written.stdout.fnmatch_lines(["*AssertionError: * gaps:*", "*sequence number goes from*"])
    golden = path.parent / "golden" / "test_calls.test_golden.txt"
    lines = golden.read_text().splitlines()
    values = lines[5].split(",")
    lines[5] = ",".join([*values[:6], "1", *values[7:]])
    golden.write_text("\n".join(lines))
    compared = run(pytester, "-k", "golden or whole")
    compared.assert_outcomes(passed=1, failed=1)
    compared.stdout.fnmatch_lines(["*1 differ:*", "*packet 5: timestamp was 1, is *"])
    golden.unlink()
    run(pytester, "-k", "golden").stdout.fnmatch_lines(["*no golden file*--rtpfwd-update-golden*"])


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "no:asyncio", "-p", "no:cacheprovider", *arguments)


def test_starting_pytest_imports_nothing_of_ours_but_the_plugin():
    code = (
        "import json, sys, rtpfwd.testing.plugin\n"
        "print(json.dumps([one for one in sys.modules if one.startswith('rtpfwd')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = set(json.loads(done.stdout))
    assert found <= {"rtpfwd", "rtpfwd.clock", "rtpfwd.errors", "rtpfwd.testing", "rtpfwd.testing.plugin"}


def test_a_link_is_a_preset_or_a_specification(link):
    assert link("wifi", loss=0.5).spec.loss == 0.5
    assert link(LinkSpec(delay_us=7)).spec.delay_us == 7
    one, two = (link("lossy-20", seed=3) for _ in range(2))
    assert [one.arrivals(b"x", at) for at in range(50)] == [two.arrivals(b"x", at) for at in range(50)]


def test_a_failing_capture_is_minimised_in_a_test(replay, minimise):
    def check(played):
        assert all(one.rtp.sequence_number % 100 for one in played.consumer().packets)

    small = minimise(PCAPS / "vp8.pcapng", check)
    packets = replay(small).consumer().packets
    assert [one.rtp.sequence_number % 100 for one in packets][-1] == 0
    assert len(packets) < 5
    with pytest.raises(AssertionError):
        check(replay(small))
