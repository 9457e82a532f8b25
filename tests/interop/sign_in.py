"""A `rotator consent` that waits for somebody to sign in."""
import os
import re
import subprocess

ROTATOR = os.environ.get("ROTATOR", "target/debug/rotator")


class Consent:
    """Starts one, and reads as far as the address. Ends with the block."""

    def __init__(self, token, *arguments, environment=None):
        command = [ROTATOR, "consent", token, "--yes", "--log-level", "off", *arguments]
        self.child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **(environment or {})},
        )
        self.said = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.communicate()

    def reads(self, pattern):
        """What stderr says next that looks like this."""
        for line in self.child.stderr:
            self.said += line
            if found := re.search(pattern, line):
                return found[1]
        raise AssertionError(self.said)

    def address(self):
        return self.reads(r"^\s*(https://\S+/authorize\?\S+)")

    def ended(self):
        """Exit code, stdout and all of stderr."""
        stdout, stderr = self.child.communicate(timeout=30)
        return self.child.returncode, stdout, self.said + stderr
