"""`fumehood fake-runpod`, as somebody runs it who has no account at the provider."""

import re
import signal
import subprocess
import sys

import httpx
import pytest
from fakes.runpod import NEEDS_PODS, RunPod

pytestmark = pytest.mark.child


@pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS)
def test_it_prints_what_to_set_and_serves_until_it_is_interrupted(environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "fumehood", "fake-runpod"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout
        printed = ""
        while "Ctrl-C" not in printed:
            line = served.stdout.readline()
            assert line, printed
            printed += line
        variables = dict(re.findall(r'^export (\w+)="?([^"\n]+)', printed, re.MULTILINE))
        endpoints = dict(it.split("=") for it in variables["FUMEHOOD_ENDPOINTS"].split(";"))
        headers = {"Authorization": f"Bearer {variables['RUNPOD_API_KEY']}"}
        answer = httpx.get(f"{endpoints['runpod_v2']}/pods", headers=headers)
        assert answer.json() == {"pods": []}
        query = {"query": "{ myself { id pods { id } } }"}
        asked = httpx.post(endpoints["runpod_graphql"], json=query, headers=headers).json()
        assert asked["data"]["myself"]["pods"] == []
        served.send_signal(signal.SIGINT)
        assert served.wait(30) == 0


def test_it_says_which_packages_it_lacks(environ: dict[str, str]) -> None:
    without = "import sys; sys.modules['graphql'] = None"
    code = f"{without}; from fumehood.cli import main; sys.exit(main(['fake-runpod']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Install it with: pip install graphql-core" in done.stderr
