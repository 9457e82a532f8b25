"""Alerts at real receivers: Debian's Alertmanager, an SMTP server with STARTTLS and a login, the CloudEvents SDK."""
import email
import email.policy
import json
import os
import socket
import ssl
import subprocess
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook

from certificates import certificate
from sandbox import FOLDER, VAULT
from sign_in import ROTATOR

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PASSWORD = "mail~password/5f1b"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Rotator(unittest.TestCase):
    """Runs the job with more tables in its configuration."""

    def rotator(self, tables, *arguments, ca=None):
        with open(os.environ["ROTATOR_CONFIG"]) as file:
            text = file.read()
        if ca:
            text = text.replace(f"{FOLDER}/ca.pem", ca)
        path = f"{FOLDER}/{self.id()}.toml"
        with open(path, "w") as file:
            file.write(f"{text}\n{tables}")
        environment = {**os.environ, "ROTATOR_CONFIG": path, "HOOK_KEY": KEY, "MAIL_PASSWORD": PASSWORD}
        arguments = arguments or ["run", "--only", "revoked-token", "--output", "json"]
        return subprocess.run([ROTATOR, *arguments], env=environment, capture_output=True, text=True)

    def setUp(self):
        # Whatever was told before is forgotten.
        with SecretClient(VAULT, ManagedIdentityCredential()) as vault:
            version = vault.get_secret("revoked-token").properties
            tags = {name: value for name, value in version.tags.items() if name != "rotator-state"}
            vault.update_secret_properties(version.name, version.version, tags=tags)

    def not_told(self, done):
        self.assertTrue(done.stdout, done.stderr)
        return json.loads(done.stdout)["notify_failed"]


class Listener:
    """An HTTP server that keeps what it is sent."""

    def __init__(self):
        got = self.got = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got.append((self.path, dict(self.headers.items()), body))
                self.send_response(202)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class WebhookTest(Rotator):
    def test_an_event_that_the_official_sdk_reads_and_a_signature_that_the_reference_accepts(self):
        listener = Listener()
        self.addCleanup(listener.close)
        done = self.rotator(f'[[notify]]\ntype = "webhook"\nurl = "{listener.address}/hook"\nsigning_key = {{ env = "HOOK_KEY" }}')
        self.assertEqual(self.not_told(done), [])
        ((path, headers, body),) = listener.got
        event = from_http_event(HTTPMessage(headers=headers, body=body))
        self.assertEqual((path, event.get_specversion(), event.get_type()), ("/hook", "1.0", "io.rotator.alert.v1"))
        self.assertEqual((event.get_subject(), event.get_datacontenttype()), ("revoked-token", "application/json"))
        self.assertEqual(event.get_data()["alerts"][0]["facts"][0]["code"], "entra.revoked")
        self.assertIsNotNone(event.get_time().tzinfo)
        verified = Webhook(KEY).verify(body, {name.lower(): value for name, value in headers.items()})
        self.assertEqual(verified["id"], event.get_id())
        with self.assertRaises(Exception):
            Webhook(KEY).verify(body + b" ", {name.lower(): value for name, value in headers.items()})


class AlertmanagerTest(Rotator):
    def setUp(self):
        super().setUp()
        port, folder = free_port(), f"{FOLDER}/alertmanager"
        os.makedirs(folder, exist_ok=True)
        self.listener = Listener()
        self.addCleanup(self.listener.close)
        with open(f"{folder}/config.yml", "w") as file:
            file.write(
                "route: { receiver: hook, group_wait: 0s, group_interval: 1s, repeat_interval: 1h, group_by: ['...'] }\n"
                f"receivers: [{{ name: hook, webhook_configs: [{{ url: '{self.listener.address}/am', send_resolved: true }}] }}]\n"
            )
        self.address = f"http://127.0.0.1:{port}"
        child = subprocess.Popen(
            ["prometheus-alertmanager", f"--config.file={folder}/config.yml", f"--storage.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self.addCleanup(lambda: (child.terminate(), child.wait()))
        self.session = requests.Session()
        self.session.trust_env = False
        self.until(self.ready)

    def until(self, what):
        for _ in range(200):
            if found := what():
                return found
            time.sleep(0.05)
        self.fail(f"{what.__name__} did not come")

    def ready(self):
        try:
            return self.session.get(f"{self.address}/-/ready").ok
        except requests.ConnectionError:
            return False

    def alerts(self):
        return self.session.get(f"{self.address}/api/v2/alerts").json()

    def test_it_fires_and_stays_and_is_resolved(self):
        tables = f'[[notify]]\ntype = "alertmanager"\nurl = "{self.address}"'
        for _ in range(2):
            self.assertEqual(self.not_told(self.rotator(tables)), [])
            (alert,) = self.alerts()
            self.assertEqual(alert["labels"]["code"], "entra.revoked")
            self.assertEqual((alert["labels"]["severity"], alert["labels"]["token"]), ("critical", "revoked-token"))
            self.assertIn("rotator consent revoked-token", alert["annotations"]["description"])
        firing = self.until(lambda: self.listener.got)
        self.assertEqual(json.loads(firing[0][2])["status"], "firing")
        # Somebody signs in again.
        with SecretClient(VAULT, ManagedIdentityCredential()) as vault:
            dead, alive = vault.get_secret("revoked-token"), vault.get_secret("contoso-partner")
            vault.set_secret("revoked-token", alive.value, tags=dead.properties.tags)
            self.addCleanup(lambda: SecretClient(VAULT, ManagedIdentityCredential()).set_secret(
                "revoked-token", dead.value, tags={k: v for k, v in dead.properties.tags.items() if k != "rotator-state"}))
        self.assertEqual(self.not_told(self.rotator(tables)), [])
        self.until(lambda: [got for got in self.listener.got if json.loads(got[2])["status"] == "resolved"])
        self.assertEqual(self.alerts(), [])

    def test_a_test_leaves_nothing_behind(self):
        done = self.rotator(f'[[notify]]\ntype = "alertmanager"\nurl = "{self.address}"', "alert", "test")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(self.alerts(), [])


class Mailbox:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, _server, _session, envelope):
        self.mails.append(envelope)
        return "250 OK"


class TlsController(Controller):
    """One that knows its own certificate when it looks whether it listens."""

    def _trigger_server(self):
        context = ssl.create_default_context(cafile=f"{FOLDER}/mail-both.pem")
        with socket.create_connection((self.hostname, self.port), 5) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as tls:
                tls.recv(1024)


class MailTest(Rotator):
    @classmethod
    def setUpClass(cls):
        certificate("mail")

    def start(self, **more):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{FOLDER}/mail.pem", f"{FOLDER}/mail.key")

        def authenticate(_server, _session, _envelope, _mechanism, data):
            # Unhandled: the server itself says that it failed.
            return AuthResult(success=(data.login, data.password) == (b"rotator", PASSWORD.encode()), handled=False)

        box = Mailbox()
        controller = Controller(
            box, hostname="127.0.0.1", port=free_port(), tls_context=context, authenticator=authenticate, **more
        )
        controller.start()
        self.addCleanup(controller.stop)
        return box, controller.port

    def tables(self, port, to='"ops@contoso.example", "owner@contoso.example"'):
        return (
            f'[[notify]]\ntype = "email"\nsmtp = "smtp://localhost:{port}"\nusername = "rotator"\n'
            f'password = {{ env = "MAIL_PASSWORD" }}\nfrom = "rotator@contoso.example"\nto = [{to}]'
        )

    def test_a_mail_by_starttls_and_login(self):
        box, port = self.start(require_starttls=True, auth_required=True)
        done = self.rotator(self.tables(port), ca=f"{FOLDER}/mail-both.pem")
        self.assertEqual(self.not_told(done), [], done.stderr)
        (envelope,) = box.mails
        self.assertEqual(envelope.rcpt_tos, ["ops@contoso.example", "owner@contoso.example"])
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.assertTrue(mail["Subject"].startswith("rotator: revoked-token: the sign-in was revoked"), mail["Subject"])
        self.assertTrue(mail["Date"] and mail["Message-ID"])
        text = mail.get_content()
        for part in ["CRITICAL revoked-token", "entra.revoked", "rotator consent revoked-token", "Days left: 82"]:
            self.assertIn(part, text)

    def test_a_mail_by_tls_from_the_first_byte(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{FOLDER}/mail.pem", f"{FOLDER}/mail.key")
        box = Mailbox()
        controller = TlsController(box, hostname="127.0.0.1", port=free_port(), ssl_context=context)
        controller.start()
        self.addCleanup(controller.stop)
        tables = f'[[notify]]\ntype = "email"\nsmtp = "smtps://localhost:{controller.port}"\nfrom = "rotator@contoso.example"\nto = ["ops@contoso.example"]'
        done = self.rotator(tables, ca=f"{FOLDER}/mail-both.pem")
        self.assertEqual(self.not_told(done), [], done.stderr)
        self.assertEqual(len(box.mails), 1)

    def test_a_wrong_password_a_foreign_certificate_and_no_tls_at_all(self):
        box, port = self.start(require_starttls=True, auth_required=True)
        wrong = self.rotator(self.tables(port).replace("MAIL_PASSWORD", "HOOK_KEY"), "alert", "test", ca=f"{FOLDER}/mail-both.pem")
        self.assertEqual((wrong.returncode, "notify.mail" in wrong.stdout), (3, True), wrong)
        foreign = self.rotator(self.tables(port), "alert", "test")
        self.assertIn("email: notify.", foreign.stdout)
        self.assertNotEqual(foreign.returncode, 0)
        plain = Controller(Mailbox(), hostname="127.0.0.1", port=free_port())
        plain.start()
        self.addCleanup(plain.stop)
        refused = self.rotator(self.tables(plain.port), "alert", "test", ca=f"{FOLDER}/mail-both.pem")
        self.assertNotEqual(refused.returncode, 0, refused)
        self.assertEqual((box.mails, plain.handler.mails), ([], []))
        for done in [wrong, foreign, refused]:
            for secret in [PASSWORD, KEY]:
                self.assertNotIn(secret, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
