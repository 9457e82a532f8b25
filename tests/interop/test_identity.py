"""Microsoft's credentials against the sandbox's Entra ID and managed identity, proved by opening the vault."""
import os
import unittest

from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from azure.keyvault.secrets import SecretClient

from sandbox import FOLDER, JOB_CLIENT, JOB_SECRET, TENANT, VAULT, pem


class Identity(unittest.TestCase):
    def opens(self, credential):
        with SecretClient(VAULT, credential) as client:
            self.assertTrue(client.get_secret("partner-client-secret").value)

    def refused(self, credential, text):
        with self.assertRaises(ClientAuthenticationError) as error:
            credential.get_token("https://vault.azure.net/.default")
        self.assertIn(text, str(error.exception))

    def test_managed_identity(self):
        self.opens(ManagedIdentityCredential())
        self.opens(ManagedIdentityCredential(client_id="00000000-0000-0000-0000-00000000001d"))
        self.refused(ManagedIdentityCredential(client_id="00000000-0000-0000-0000-0000000000ee"), "Managed Identity")

    def test_client_secret(self):
        self.opens(ClientSecretCredential(TENANT, JOB_CLIENT, JOB_SECRET))
        self.refused(ClientSecretCredential(TENANT, JOB_CLIENT, "wrong"), "AADSTS7000215")
        unknown = "00000000-0000-0000-0000-0000000000aa"
        self.refused(ClientSecretCredential(TENANT, unknown, JOB_SECRET), "AADSTS700016")

    def test_certificate(self):
        self.opens(CertificateCredential(TENANT, JOB_CLIENT, f"{FOLDER}/job.pem"))
        self.opens(CertificateCredential(TENANT, JOB_CLIENT, certificate_data=pem().encode(), send_certificate_chain=True))

    def test_a_certificate_that_is_not_registered(self):
        unknown = CertificateCredential(TENANT, JOB_CLIENT, certificate_data=another_certificate())
        self.refused(unknown, "AADSTS700027")

    def test_workload_identity(self):
        file = f"{FOLDER}/federated-token"
        self.opens(WorkloadIdentityCredential(tenant_id=TENANT, client_id=JOB_CLIENT, token_file_path=file))
        garbled = f"{FOLDER}/garbled-token"
        with open(file) as good, open(garbled, "w") as bad:
            # Changes one letter of the signature.
            text = good.read().strip()
            bad.write(text[:-20] + ("A" if text[-20] != "A" else "B") + text[-19:])
        self.refused(WorkloadIdentityCredential(tenant_id=TENANT, client_id=JOB_CLIENT, token_file_path=garbled), "AADSTS50013")
        os.remove(garbled)

    def test_managed_identity_as_federated_credential(self):
        identity = ManagedIdentityCredential()
        ask = lambda: identity.get_token("api://AzureADTokenExchange/.default").token
        self.opens(ClientAssertionCredential(TENANT, JOB_CLIENT, ask))
        other = lambda: identity.get_token("https://graph.microsoft.com/.default").token
        self.refused(ClientAssertionCredential(TENANT, JOB_CLIENT, other), "AADSTS700211")


def another_certificate():
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "another")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(1))
    ).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + private


if __name__ == "__main__":
    unittest.main()
