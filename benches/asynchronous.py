"""The same job with asyncio, 32 tokens at once; MSAL has no asynchronous form, so it runs in threads."""
import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

from azure.identity.aio import ManagedIdentityCredential
from azure.keyvault.secrets.aio import SecretClient

import job

AT_ONCE = 32


async def rotate(vault, app, name, permits, threads):
    loop = asyncio.get_running_loop()
    async with permits:
        [version async for version in vault.list_properties_of_secret_versions(name)]
        stored = await vault.get_secret(name)
        before = stored.properties
        new = await loop.run_in_executor(threads, job.redeem, app, stored.value)
        issued = job.now()
        await loop.run_in_executor(threads, job.redeem, app, new)
        assert (await vault.get_secret(name)).properties.version == before.version
        written = await vault.set_secret(name, new, expires_on=issued + job.LIFETIME, tags=job.tags(issued, before))
        assert (await vault.get_secret(name, written.properties.version)).value == new
        [version async for version in vault.list_properties_of_secret_versions(name)]


async def main(names):
    permits, threads = asyncio.Semaphore(AT_ONCE), ThreadPoolExecutor(AT_ONCE)
    async with ManagedIdentityCredential() as identity, SecretClient(job.VAULT, identity) as vault:
        app = job.app((await vault.get_secret("partner-client-secret")).value)
        await asyncio.gather(*(rotate(vault, app, name, permits, threads) for name in names))


asyncio.run(main(sys.argv[1:]))
