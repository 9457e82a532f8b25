"""Each command of the Azure CLI on a page, in a comment or in a hint, by the Azure CLI itself."""
import glob
import html
import json
import os
import re
import subprocess
import unittest

from world import ROOT

PYTHON = f"{ROOT}/target/azure-cli/bin/python"
KEPT = ("docs", "infra", "src", ".github")
# Where a command ends: in a shell, in a sentence, in a comment.
END = re.compile(r"\s[|>&]|[;`…)]|\s#|: |, |$")


def files():
    for folder in KEPT:
        for path in glob.glob(f"{ROOT}/{folder}/**", recursive=True, include_hidden=True):
            if os.path.isfile(path) and path.endswith((".md", ".toml", ".bicep", ".bicepparam", ".yaml", ".yml", ".rs")):
                yield path
    yield f"{ROOT}/README.md"


def commands(text):
    """As lists of words: with what stands for something replaced, and a command inside another by itself."""
    text = html.unescape(text)
    text = re.sub(r"\\\n\s*(#|//)?\s*", " ", text)
    text = re.sub(r"'\{.*?\}'", lambda json: re.sub(r"\s*\n\s*(#\s*)?", " ", json[0]), text, flags=re.S)
    for match in re.finditer(r"(?<![\w./-])az ((?:[a-z][\w-]* )+-[^\n]*)", text):
        command = re.sub(r"<[^<>]*>|\$\([^()]*\)|\$\{[^{}]*\}|\$\w+|(?<!')\{[\w ]+\}", "x", match[1])
        command = re.sub(r"'[^']*'|\"[^\"]*\"", "x", command)
        command = command[: END.search(command).start()]
        # Dates and files are read.
        command = re.sub(r"(--expires|--end-date) x", r"\1 2027-05-01T00:00:00Z", command).replace("--file x", "--file /dev/null")
        yield command.rstrip(" .'\"").split()


class AzureCliTest(unittest.TestCase):
    def refused(self, asked):
        text = "".join(json.dumps(words) + "\n" for words in asked)
        done = subprocess.run([PYTHON, f"{ROOT}/tests/infra/azure_cli/check.py"], input=text, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def test_it_takes_every_command(self):
        asked = {}
        for path in files():
            with open(path) as file:
                for words in commands(file.read()):
                    asked.setdefault(tuple(words), os.path.relpath(path, ROOT))
        self.assertGreater(len(asked), 30)
        print(f"{len(asked)} commands")
        refused = self.refused(asked)
        self.assertEqual([one["command"] for one in refused], [])

    def test_what_it_does_not_take_is_seen(self):
        self.assertEqual(len(self.refused([["keyvault", "secret", "show", "--nonsense", "x"], ["account", "show"]])), 1)


if __name__ == "__main__":
    unittest.main()
