"""The same job for one token with Microsoft's Python libraries: read, redeem, prove, store, read back."""
import datetime
import os
import uuid

import msal
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

TENANT = "00000000-0000-0000-0000-000000000001"
CLIENT = "00000000-0000-0000-0000-0000000000c1"
SCOPE = ["https://api.partnercenter.microsoft.com/user_impersonation"]
NAME = "contoso-partner"

vault = SecretClient("https://contoso-kv.vault.azure.net", ManagedIdentityCredential())
versions = list(vault.list_properties_of_secret_versions(NAME))
newest = max(versions, key=lambda version: version.created_on)
client_secret = vault.get_secret("partner-client-secret").value
stored = vault.get_secret(NAME)
app = msal.ConfidentialClientApplication(CLIENT, client_secret, authority=f"https://login.microsoftonline.com/{TENANT}")


def redeem(refresh_token):
    answer = app.acquire_token_by_refresh_token(refresh_token, scopes=SCOPE)
    assert "refresh_token" in answer, answer.get("error_description")
    return answer["refresh_token"]


new = redeem(stored.value)
issued = datetime.datetime.now(datetime.timezone.utc)
redeem(new)
assert vault.get_secret(NAME).properties.version == stored.properties.version
written = vault.set_secret(
    NAME,
    new,
    expires_on=issued + datetime.timedelta(days=90),
    tags={
        "rotator-issued": issued.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "rotator-identity": newest.tags["rotator-identity"],
        "rotator-run": f"{uuid.uuid4()} {stored.properties.version}",
    },
)
assert vault.get_secret(NAME, written.properties.version).value == new
list(vault.list_properties_of_secret_versions(NAME))
