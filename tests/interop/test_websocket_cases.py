"""Autobahn's cases of RFC 6455 and RFC 7692 against the echo endpoint, run by kosoku.

Group 8 does not exist, and group 11 is not part of the suite. Of groups 12 and 13,
permessage-deflate with several data and several offers, only a sample runs unless `--every-case` is
given (`make test-autobahn`): all of them take minutes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from router import Router, tcp

# The groups with their numbers of cases. A case that did not run has not passed.
PLAIN = {"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1}
DEFLATE = {"12": 90, "13": 126}

# Each kind of data with messages of 64 bytes and of 4 KiB, each offer with 64 and 256 bytes, and
# 8 KiB in fragments of 256 bytes, with context takeover and without.
SAMPLE = ("12.*.2", "12.*.5", "12.1.11", "13.*.2", "13.*.3", "13.1.11", "13.7.11")
SAMPLED = {"12": 5 + 5 + 1, "13": 7 + 7 + 2}

# The suite's words for a passed case. INFORMATIONAL: the case only reports the behaviour of the
# peer. NON-STRICT, the right outcome later than possible, is not enough.
PASSED = {"OK", "INFORMATIONAL"}

# The sample takes half a minute, all cases a few minutes. Groups 9 and 10 transfer a few hundred
# megabytes, groups 12 and 13 a few gigabytes.
SAMPLE_SECONDS = 240
SUITE_SECONDS = 3600


@pytest.fixture(scope="module")
def every_case(request):
    return request.config.getoption("--every-case")


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory, every_case):
    """The suite's verdict on every case, by the case's number."""
    directory = tmp_path_factory.mktemp("testee")
    config = {"version": 2, "workers": [{
        "type": "router",
        "realms": [],
        "transports": [{"type": "websocket.testee", "endpoint": tcp(),
                        "options": {"compression": {"deflate": {}}}}],
    }]}
    router = Router(directory, config).start()
    run_suite(router.web_port, directory / "report", every_case)
    router.stop()
    (cases,) = json.loads((directory / "report" / "index.json").read_text()).values()
    return cases


def run_suite(port, report, every_case):
    kosoku = Path(sys.executable).parent / "kosoku"
    wanted = [f"{group}.*" for group in PLAIN]
    wanted += [f"{group}.*" for group in DEFLATE] if every_case else SAMPLE
    arguments = [argument for case in wanted for argument in ("-i", case)]
    subprocess.run([kosoku, *arguments, "-o", report, f"ws://127.0.0.1:{port}"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False,
                   timeout=SUITE_SECONDS if every_case else SAMPLE_SECONDS)


@pytest.mark.parametrize("group", PLAIN | DEFLATE)
def test_every_case_of_the_group_passes(verdicts, every_case, group):
    expected = PLAIN | (DEFLATE if every_case else SAMPLED)
    cases = {case: verdict for case, verdict in verdicts.items() if case.split(".")[0] == group}
    failures = [f"{case}: behavior {verdict['behavior']}, close {verdict['behaviorClose']}, "
                f"code {verdict['remoteCloseCode']}"
                for case, verdict in cases.items()
                if not {verdict["behavior"], verdict["behaviorClose"]} <= PASSED]
    assert not failures, "\n".join(failures)
    assert len(cases) == expected[group]
