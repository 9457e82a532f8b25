"""A sandbox that stays, for what runs the job from outside."""
import os
import re
import subprocess

ROOT = os.path.abspath(f"{os.path.dirname(__file__)}/../..")
ROTATOR = os.path.abspath(os.environ.get("ROTATOR", f"{ROOT}/target/debug/rotator"))


class World:
    """The embedded services, and the variables under which the job finds them."""

    def __init__(self, scenario):
        command = [ROTATOR, "sandbox", "--keep", "--scenario", scenario, "--", "status", "--log-level", "off"]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.settings = {}
        for line in self.child.stdout:
            if setting := re.match(r"export (\w+)=(.*)", line):
                self.settings[setting[1]] = setting[2]
                if setting[1] == "ROTATOR_CONFIG":
                    break

    def __enter__(self):
        return self.settings

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()
        self.child.stdout.close()
