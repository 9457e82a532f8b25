"""The job with Microsoft's Python libraries, one token after the other: list, read, redeem, prove, store, read back."""
import sys

from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

import job

vault = SecretClient(job.VAULT, ManagedIdentityCredential())
app = job.app(vault.get_secret("partner-client-secret").value)
for name in sys.argv[1:]:
    list(vault.list_properties_of_secret_versions(name))
    stored = vault.get_secret(name)
    before, new = stored.properties, job.redeem(app, stored.value)
    issued = job.now()
    job.redeem(app, new)
    assert vault.get_secret(name).properties.version == before.version
    written = vault.set_secret(name, new, expires_on=issued + job.LIFETIME, tags=job.tags(issued, before))
    assert vault.get_secret(name, written.properties.version).value == new
    list(vault.list_properties_of_secret_versions(name))
