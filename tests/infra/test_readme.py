"""Every shell block of the README, as it stands there."""
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import unittest

from world import ROOT, ROTATOR, World

# Whoever signs in: presses the button of the sign-in page, and follows to the last page as a browser does.
BROWSER = f"""#!{sys.executable}
import re, sys, urllib.parse, urllib.request
url = urllib.parse.urlsplit(sys.argv[1])
form = dict(urllib.parse.parse_qsl(url.query), user="00000000-0000-0000-0000-0000000000a1", answer="accept", mfa="yes")
action = url._replace(path="/" + url.path.split("/")[1] + "/login", query="").geturl()
page = urllib.request.urlopen(action, urllib.parse.urlencode(form).encode())
while again := re.search(r'http-equiv="refresh" content="[0-9]+(?:; ?url=([^"]*))?"', page.read().decode()):
    page = urllib.request.urlopen(urllib.parse.urljoin(page.url, again[1] or page.url))
"""
# In place of the reader's own report: where the access token is for.
REPORT = """#!/bin/sh
printf '%s' "$ACCESS_TOKEN" | cut -d . -f 2 | tr '_-' '/+' | base64 -d 2>/dev/null >claims
"""


def program(path, text):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o755)


class ReadmeTest(unittest.TestCase):
    def setUp(self):
        with open(f"{ROOT}/README.md") as file:
            self.page = file.read()
        self.blocks = re.findall(r"^```sh\n(.*?)^```", self.page, re.M | re.S)

    def test_what_cargo_does_is_done_by_ci(self):
        with open(f"{ROOT}/.ci/run") as file:
            stages = file.read()
        commands = [line for block in self.blocks for line in block.splitlines() if line.startswith("cargo ")]
        self.assertEqual(len(commands), 3)
        for command in commands:
            self.assertIn(f"as_in_the_readme {command}\n", stages)

    def test_the_rest_runs_as_it_stands(self):
        (block,) = [block for block in self.blocks if "cargo " not in block]
        (configuration,) = re.findall(r"^```toml\n(.*?)^```", self.page, re.M | re.S)
        with tempfile.TemporaryDirectory() as folder, World("customers") as settings:
            with open(f"{folder}/rotator.toml", "w") as file:
                file.write(configuration)
            program(f"{folder}/report.sh", REPORT)
            program(f"{folder}/browser", BROWSER)
            del settings["ROTATOR_CONFIG"]
            path = f"{os.path.dirname(ROTATOR)}:/usr/bin:/bin"
            environment = settings | {"PATH": path, "BROWSER": f"{folder}/browser", "no_proxy": "localhost"}
            master, terminal = pty.openpty()
            os.write(master, b"y\n")
            done = subprocess.run(["sh", "-eu", "-c", block], stdin=terminal, capture_output=True, text=True, env=environment,
                                  cwd=folder, timeout=60)
            os.close(terminal)
            os.close(master)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertRegex(done.stdout, "1 token: 1 probed .*every token is safe")
            with open(f"{folder}/claims") as file:
                claims = json.load(file)
            self.assertEqual(claims["aud"].rstrip("/"), "https://graph.microsoft.com")
            self.assertEqual(claims["tid"], "00000000-0000-0000-0000-0000000000f2")
