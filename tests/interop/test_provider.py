"""A provider of somebody else's, oidc-provider from npm: it shows that the client speaks the standard, not the sandbox."""
import html
import os
import re
import shutil
import socket
import subprocess
import unittest
import urllib.parse

import requests
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from certificates import certificate
from sandbox import FOLDER, TENANT, VAULT
from sign_in import ROTATOR, Consent

CLIENT = "00000000-0000-0000-0000-0000000000e1"
GRACE = "00000000-0000-0000-0000-0000000000e2"
SECRET = "provider~secret/7a5e0d1c"
SCOPE = "https://api.provider.example/access"
HERE = os.path.dirname(os.path.abspath(__file__))


def start(port):
    modules = os.environ.get("ROTATOR_NODE_MODULES", "target/interop-node")
    # A module finds its packages beside itself.
    script = shutil.copy(f"{HERE}/provider.mjs", f"{modules}/provider.mjs")
    files = [f"{FOLDER}/provider.key", f"{FOLDER}/provider.pem"]
    command = ["node", script, str(port), *files, TENANT, CLIENT, SECRET, SCOPE]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if "listening" in line:
            return child
    raise AssertionError("the provider did not start")



def config(port):
    return f"""
[vault]
url = "{VAULT}"
credential = "managed-identity"

[apps.provider]
tenant_id = "{TENANT}"
client_id = "{CLIENT}"
authority = "https://localhost:{port}"
credential = {{ secret = {{ env = "PROVIDER_SECRET" }} }}

[[token]]
secret = "provider-token"
scope = "{SCOPE}"

[network]
ca_file = "{FOLDER}/provider-both.pem"
"""


class Person:
    """Fills in the provider's own forms."""

    def __init__(self):
        self.session = requests.Session()
        # Its own way to the network: no proxy, and the provider's certificate.
        self.session.trust_env = False
        self.session.verify = f"{FOLDER}/provider-ca.pem"

    def follow(self, answer):
        """Goes on as a browser does, as far as the listener on this machine."""
        while answer.is_redirect:
            to = urllib.parse.urljoin(answer.url, answer.headers["Location"])
            answer = self.session.get(to, allow_redirects=False)
        return answer

    def fill(self, page, **fields):
        form = re.search(r"<form[^>]*action=\"([^\"]+)\"[^>]*>(.*?)</form>", page.text, re.S)
        assert form, page.text
        hidden = dict(re.findall(r"<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\"", form[2]))
        to = urllib.parse.urljoin(page.url, html.unescape(form[1]))
        return self.follow(self.session.post(to, data={**hidden, **fields}, allow_redirects=False))

    def sign_in(self, page):
        page = self.fill(page, login=GRACE, password="any")
        return self.fill(page)

    def by_address(self, address):
        return self.sign_in(self.follow(self.session.get(address, allow_redirects=False)))

    def by_code(self, address, code):
        page = self.session.get(address)
        page = self.fill(page, user_code=code)
        page = self.fill(page, confirm="yes") if "xsrf" in page.text else page
        return self.sign_in(page)


class Provider(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        certificate("provider")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        provider = start(port)
        cls.addClassCleanup(lambda: (provider.terminate(), provider.communicate()))
        path = f"{FOLDER}/provider.toml"
        with open(path, "w") as file:
            file.write(config(port))
        cls.environment = {"ROTATOR_CONFIG": path, "PROVIDER_SECRET": SECRET, "NO_PROXY": "localhost"}
        cls.vault = SecretClient(VAULT, ManagedIdentityCredential())
        cls.addClassCleanup(cls.vault.close)

    def stored(self):
        secret = self.vault.get_secret("provider-token")
        return secret.value, secret.properties.tags

    def rotator(self, *arguments):
        environment = {**os.environ, **self.environment}
        done = subprocess.run([ROTATOR, *arguments, "--log-level", "off"], env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def test_code_with_pkce_then_the_job_renews_it(self):
        with Consent("provider-token", "--no-browser", environment=self.environment) as consent:
            page = Person().by_address(consent.address())
            while "http-equiv=\"refresh\"" in page.text:
                page = Person().session.get(page.url)
            self.assertIn("The token is stored", page.text)
            self.assertIn("Grace, grace@provider.example", page.text)
            code, stdout, stderr = consent.ended()
            self.assertEqual(code, 0, stderr)
        first, tags = self.stored()
        self.assertIn("rotator-consented", tags)
        code, said = self.rotator("run", "--force")
        self.assertEqual((code, "rotated" in said), (0, True), said)
        second, _ = self.stored()
        self.assertNotEqual(first, second)
        # The first one is as good as before: a crash between redeeming and storing loses nothing.
        self.assertEqual(self.rotator("run", "--force")[0], 0)

    def test_device_code(self):
        with Consent("provider-token", "--device-code", environment=self.environment) as consent:
            line = consent.reads(r"(Open \S+ on any device, and type in the code \S+)")
            address, code = re.search(r"Open (\S+) on .* code (\S+)", line).groups()
            self.assertIn("Sign-in Success", Person().by_code(address, code).text)
            code, stdout, stderr = consent.ended()
            self.assertEqual((code, "the token is stored" in stdout), (0, True), stderr)

    def test_a_declined_device_code(self):
        with Consent("provider-token", "--device-code", environment=self.environment) as consent:
            line = consent.reads(r"(Open \S+ on any device, and type in the code \S+)")
            address, code = re.search(r"Open (\S+) on .* code (\S+)", line).groups()
            person = Person()
            page = person.fill(person.session.get(address), user_code=code)
            person.fill(page, abort="yes")
            code, _, stderr = consent.ended()
            self.assertEqual(code, 3, stderr)
            self.assertIn("consent.declined", stderr)


if __name__ == "__main__":
    unittest.main()
