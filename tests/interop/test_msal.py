"""MSAL for Python against the sandbox's token endpoint: refresh tokens, client credentials, refusals."""
import hashlib
import os
import ssl
import unittest

import jwt
import msal
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from sandbox import AUTHORITY, CLIENT, FOLDER, JOB_CLIENT, JOB_SECRET, PARTNER_CENTER, PUBLIC_CLIENT, TENANT, USER, VAULT, pem


def claims(token, audience):
    """The claims of a token whose signature is the authority's."""
    context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    keys = jwt.PyJWKClient(f"{AUTHORITY}/discovery/v2.0/keys", ssl_context=context)
    return jwt.decode(token, keys.get_signing_key_from_jwt(token).key, algorithms=["RS256"], audience=audience)


class Msal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        vault = SecretClient(VAULT, ManagedIdentityCredential())
        cls.addClassCleanup(vault.close)
        cls.secret = vault.get_secret("partner-client-secret").value
        cls.read = staticmethod(lambda name: vault.get_secret(name).value)

    def app(self, client_id=CLIENT, credential=None, **more):
        return msal.ConfidentialClientApplication(client_id, credential or self.secret, authority=AUTHORITY, **more)

    def redeem(self, name, app=None, scope=PARTNER_CENTER):
        return (app or self.app()).acquire_token_by_refresh_token(self.read(name), scopes=[scope])

    def refused(self, answer, code, error):
        self.assertEqual((answer.get("error_codes"), answer.get("error")), ([code], error), answer)
        self.assertIn(f"AADSTS{code}", answer["error_description"])
        for part in ["trace_id", "correlation_id", "timestamp"]:
            self.assertTrue(answer[part])
        return answer

    def test_a_refresh_token_is_exchanged_and_stays_good(self):
        first = self.redeem("contoso-partner")
        second = self.redeem("contoso-partner")
        self.assertNotEqual(first["refresh_token"], second["refresh_token"])
        again = self.app().acquire_token_by_refresh_token(first["refresh_token"], scopes=[PARTNER_CENTER])
        self.assertIn("access_token", again)
        self.assertEqual((first["token_type"], first["expires_in"]), ("Bearer", 3599))

    def test_the_tokens_say_whose_they_are(self):
        answer = self.redeem("contoso-partner")
        access = claims(answer["access_token"], "https://api.partnercenter.microsoft.com")
        self.assertEqual((access["appid"], access["oid"], access["tid"]), (CLIENT, USER, TENANT))
        self.assertEqual((access["ver"], access["amr"]), ("1.0", ["pwd", "mfa"]))
        self.assertEqual(access["scp"], PARTNER_CENTER)
        identity = answer["id_token_claims"]
        self.assertEqual((identity["aud"], identity["oid"], identity["tid"]), (CLIENT, USER, TENANT))
        self.assertNotIn("amr", identity)
        account = self.account(answer)
        self.assertEqual((account["home_account_id"], account["realm"]), (f"{USER}.{TENANT}", TENANT))

    def account(self, answer):
        app = self.app()
        app.acquire_token_by_refresh_token(answer["refresh_token"], scopes=[PARTNER_CENTER])
        (account,) = app.get_accounts()
        return account

    def test_default_scopes_and_double_slashes(self):
        for scope, audience in [
            ("https://graph.microsoft.com/.default", "https://graph.microsoft.com"),
            ("https://management.azure.com//.default", "https://management.azure.com/"),
        ]:
            answer = self.redeem("contoso-partner", scope=scope)
            self.assertIn(scope, answer["scope"])
            self.assertEqual(claims(answer["access_token"], audience)["aud"], audience)

    def test_client_credentials_by_secret(self):
        app = self.app(JOB_CLIENT, JOB_SECRET)
        answer = app.acquire_token_for_client(["https://vault.azure.net/.default"])
        access = claims(answer["access_token"], "https://vault.azure.net")
        self.assertEqual((access["appid"], access["idtyp"]), (JOB_CLIENT, "app"))
        for absent in ["refresh_token", "id_token", "client_info"]:
            self.assertNotIn(absent, answer)
        wrong = self.app(JOB_CLIENT, "wrong").acquire_token_for_client(["https://vault.azure.net/.default"])
        self.refused(wrong, 7000215, "invalid_client")
        no_default = app.acquire_token_for_client(["https://vault.azure.net/user_impersonation"])
        self.refused(no_default, 1002012, "invalid_scope")

    def test_client_credentials_by_certificate(self):
        text = pem()
        certificate, private = text.split("-----BEGIN PRIVATE KEY")
        private = "-----BEGIN PRIVATE KEY" + private
        sha1 = hashlib.sha1(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()
        # With a thumbprint MSAL signs RS256 and names it x5t, without one PS256 and x5t#S256.
        for credential in [
            {"private_key": private, "thumbprint": sha1},
            {"private_key": private, "public_certificate": certificate},
        ]:
            app = self.app(JOB_CLIENT, credential)
            answer = app.acquire_token_for_client(["https://vault.azure.net/.default"])
            self.assertIn("access_token", answer, answer)

    def test_a_certificate_redeems_a_refresh_token(self):
        with open(f"{FOLDER}/federated-token") as file:
            token = file.read()
        by_token = self.app(JOB_CLIENT, {"client_assertion": token})
        self.assertIn("access_token", by_token.acquire_token_for_client(["https://vault.azure.net/.default"]))
        # The token was issued to another app: it is the token that is refused, not the app.
        self.refused(self.redeem("contoso-partner", by_token), 70000, "invalid_grant")

    def test_a_public_client_proves_nothing(self):
        app = msal.PublicClientApplication(PUBLIC_CLIENT, authority=AUTHORITY)
        answer = app.acquire_token_by_refresh_token(self.read("public-token"), scopes=[PARTNER_CENTER])
        self.assertIn("refresh_token", answer, answer)
        secret = self.app(PUBLIC_CLIENT, "x")
        self.refused(secret.acquire_token_by_refresh_token(self.read("public-token"), [PARTNER_CENTER]), 700025, "invalid_client")

    def test_refusals_of_tokens(self):
        revoked = self.refused(self.redeem("revoked-token"), 50173, "invalid_grant")
        self.assertEqual(revoked["suberror"], "bad_token")
        self.refused(self.redeem("expired-token"), 700082, "invalid_grant")
        garbled = self.app().acquire_token_by_refresh_token("garbled", scopes=[PARTNER_CENTER])
        self.refused(garbled, 9002313, "invalid_grant")
        mixed = self.app().acquire_token_by_refresh_token(
            self.read("contoso-partner"), scopes=[PARTNER_CENTER, "https://graph.microsoft.com/.default"]
        )
        self.refused(mixed, 700022, "invalid_request")

    def test_a_tenant_that_does_not_exist(self):
        with self.assertRaises(ValueError):
            msal.ConfidentialClientApplication(CLIENT, self.secret, authority="https://login.microsoftonline.com/nobody.example")


if __name__ == "__main__":
    unittest.main()
