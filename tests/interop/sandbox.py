"""One sandbox for all tests: the embedded services under their production names, through the sandbox's proxy."""
import atexit
import os
import re
import subprocess

VAULT = "https://contoso-kv.vault.azure.net"
TENANT = "00000000-0000-0000-0000-000000000001"
AUTHORITY = f"https://login.microsoftonline.com/{TENANT}"
USER = "00000000-0000-0000-0000-0000000000a1"
CLIENT = "00000000-0000-0000-0000-0000000000c1"
PUBLIC_CLIENT = "00000000-0000-0000-0000-0000000000c5"
JOB_CLIENT = "00000000-0000-0000-0000-0000000000f1"
JOB_SECRET = "sandbox~job+secret/0d6c7b2e91f34a5c"
PARTNER_CENTER = "https://api.partnercenter.microsoft.com/user_impersonation"


def start():
    rotator = os.environ.get("ROTATOR", "target/debug/rotator")
    command = [rotator, "sandbox", "--keep", "--scenario", "clients", "--", "status", "--log-level", "off"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    atexit.register(lambda: (child.terminate(), child.wait()))
    for line in child.stdout:
        setting = re.match(r"export (\w+)=(.*)", line)
        if setting:
            os.environ[setting[1]] = setting[2]
        if setting and setting[1] == "ROTATOR_CONFIG":
            break
    # `requests` looks here and nowhere else.
    os.environ["REQUESTS_CA_BUNDLE"] = os.environ["SSL_CERT_FILE"]
    os.environ.pop("NO_PROXY", None)
    return os.path.dirname(os.environ["SSL_CERT_FILE"])


FOLDER = start()


def pem():
    with open(f"{FOLDER}/job.pem") as file:
        return file.read()
