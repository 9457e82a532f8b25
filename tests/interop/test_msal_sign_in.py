"""MSAL for Python signs people in at the sandbox: authorization code with PKCE, and device code."""
import os
import threading
import unittest
import urllib.parse

import msal
import requests
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from sandbox import AUTHORITY, CLIENT, PARTNER_CENTER, PUBLIC_CLIENT, TENANT, USER, VAULT

REDIRECT = "http://localhost:8450"


class Person:
    """Presses a button of the sandbox's sign-in page."""

    def at(self, address, button="accept", **more):
        page = requests.get(address)
        assert page.status_code == 200 and "Sign in" in page.text, page.text
        url = urllib.parse.urlsplit(address)
        fields = dict(urllib.parse.parse_qsl(url.query))
        to = f"{url.scheme}://{url.netloc}/{url.path.split('/')[1]}/login"
        answer = requests.post(to, data={**fields, "user": USER, "mfa": "yes", "answer": button, **more}, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.headers["Location"]).query))


class SignIn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with SecretClient(VAULT, ManagedIdentityCredential()) as vault:
            cls.secret = vault.get_secret("partner-client-secret").value

    def app(self):
        return msal.ConfidentialClientApplication(CLIENT, self.secret, authority=AUTHORITY)

    def test_authorization_code_with_pkce(self):
        app = self.app()
        flow = app.initiate_auth_code_flow([PARTNER_CENTER], redirect_uri=REDIRECT, prompt="select_account")
        answer = app.acquire_token_by_auth_code_flow(flow, Person().at(flow["auth_uri"]))
        self.assertIn("refresh_token", answer, answer)
        self.assertEqual(answer["id_token_claims"]["oid"], USER)
        again = app.acquire_token_by_refresh_token(answer["refresh_token"], [PARTNER_CENTER])
        self.assertIn("access_token", again, again)

    def test_a_code_is_good_once_and_with_its_verifier(self):
        app = self.app()
        flow = app.initiate_auth_code_flow([PARTNER_CENTER], redirect_uri=REDIRECT)
        back = Person().at(flow["auth_uri"])
        other = app.initiate_auth_code_flow([PARTNER_CENTER], redirect_uri=REDIRECT)
        stolen = app.acquire_token_by_auth_code_flow({**flow, "code_verifier": other["code_verifier"]}, dict(back))
        self.assertEqual(stolen["error_codes"], [501481], stolen)
        self.assertIn("access_token", app.acquire_token_by_auth_code_flow(flow, dict(back)))
        twice = self.app().acquire_token_by_auth_code_flow(flow, dict(back))
        self.assertEqual((twice["error"], twice["error_codes"]), ("invalid_grant", [54005]), twice)

    def test_a_person_who_declines(self):
        app = self.app()
        flow = app.initiate_auth_code_flow([PARTNER_CENTER], redirect_uri=REDIRECT)
        answer = app.acquire_token_by_auth_code_flow(flow, Person().at(flow["auth_uri"], "decline"))
        self.assertEqual(answer["error"], "access_denied")
        self.assertIn("AADSTS65004", answer["error_description"])

    def test_a_redirect_that_is_not_registered(self):
        flow = self.app().initiate_auth_code_flow([PARTNER_CENTER], redirect_uri="https://evil.example/")
        page = requests.get(flow["auth_uri"])
        self.assertEqual(page.status_code, 400)
        self.assertIn("AADSTS50011", page.text)

    def device(self, app, person):
        flow = app.initiate_device_flow([PARTNER_CENTER])
        self.assertEqual((flow["verification_uri"], flow["expires_in"]), ("https://microsoft.com/devicelogin", 900), flow)
        self.assertIn(flow["user_code"], flow["message"])
        # MSAL waits as long as it is told; here it is told one second.
        flow["interval"] = 1
        person = threading.Timer(0.1, person, [flow["user_code"]])
        person.start()
        try:
            return app.acquire_token_by_device_flow(flow)
        finally:
            person.join()

    @staticmethod
    def types(code, button="accept"):
        fields = {"user_code": code, "user": USER, "mfa": "yes", "answer": button}
        assert requests.post("https://microsoft.com/devicelogin", data=fields).status_code == 200

    def test_device_code(self):
        app = msal.PublicClientApplication(PUBLIC_CLIENT, authority=AUTHORITY)
        answer = self.device(app, self.types)
        self.assertIn("refresh_token", answer, answer)
        self.assertEqual(answer["id_token_claims"]["tid"], TENANT)

    def test_a_declined_device_code(self):
        app = msal.PublicClientApplication(PUBLIC_CLIENT, authority=AUTHORITY)
        answer = self.device(app, lambda code: self.types(code, "decline"))
        self.assertEqual(answer["error"], "authorization_declined", answer)


if __name__ == "__main__":
    unittest.main()
