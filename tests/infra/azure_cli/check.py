"""Whether the Azure CLI takes commands: reads one a line, as JSON lists of words, and prints those that it does not.

Nobody is signed in, so that a command that is taken ends at that, before anything is sent.
"""
import contextlib
import io
import json
import logging
import os
import sys
import tempfile

os.environ |= {"AZURE_CORE_COLLECT_TELEMETRY": "no", "AZURE_CONFIG_DIR": tempfile.mkdtemp(), "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no"}

from azure.cli.core import get_default_cli  # noqa: E402

USAGE = 2

for line in sys.stdin:
    words = json.loads(line)
    said = io.StringIO()
    code = 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        logging.getLogger().handlers.clear()
        try:
            code = get_default_cli().invoke(words)
        except SystemExit as ended:
            code = ended.code
    if code == USAGE:
        print(json.dumps({"command": " ".join(["az", *words]), "said": said.getvalue()[-300:]}))
