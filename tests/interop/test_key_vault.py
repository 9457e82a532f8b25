"""Microsoft's client for Key Vault secrets against the sandbox's vault."""
import datetime
import unittest
import uuid

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from sandbox import VAULT


def code(error):
    return error.error.innererror.get("code") if error.error and error.error.innererror else error.error.code


class KeyVault(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = SecretClient(VAULT, ManagedIdentityCredential())
        cls.addClassCleanup(cls.client.close)

    def name(self):
        return f"interop-{uuid.uuid4().hex[:12]}"

    def test_a_value_with_everything_comes_back(self):
        name, at = self.name(), datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
        value = "1.AXoA+/=é \n end"
        written = self.client.set_secret(
            name, value, content_type="text/x-thing", tags={"a": "b", "ü": ""}, expires_on=at, not_before=at, enabled=True
        )
        for read in [self.client.get_secret(name), self.client.get_secret(name, written.properties.version)]:
            self.assertEqual(read.value, value)
            self.assertEqual(read.id, written.id)
            self.assertEqual(read.properties.tags, {"a": "b", "ü": ""})
            self.assertEqual(read.properties.content_type, "text/x-thing")
            self.assertEqual((read.properties.expires_on, read.properties.not_before), (at, at))
        self.assertRegex(written.properties.version, "^[0-9a-f]{32}$")
        self.assertEqual(written.properties.vault_url, VAULT)
        self.assertEqual((written.properties.recoverable_days, written.properties.enabled), (90, True))

    def test_names_know_no_case(self):
        name = self.name()
        self.client.set_secret(name, "x")
        self.assertEqual(self.client.get_secret(name.upper()).value, "x")

    def test_versions_page_by_page(self):
        name = self.name()
        ids = {self.client.set_secret(name, str(nth)).properties.version for nth in range(60)}
        listed = list(self.client.list_properties_of_secret_versions(name))
        self.assertEqual({version.version for version in listed}, ids)
        self.assertEqual(len(listed), 60)
        pages = [list(page) for page in self.client.list_properties_of_secret_versions(name).by_page()]
        self.assertEqual([len(page) for page in pages], [25, 25, 10])
        small = [list(page) for page in self.client.list_properties_of_secret_versions(name, max_page_size=7).by_page()]
        self.assertEqual(sum(len(page) for page in small), 60)
        self.assertEqual(max(len(page) for page in small), 7)
        self.assertEqual(self.client.get_secret(name).value, "59")

    def test_secrets_are_listed_once(self):
        names = {self.name() for _ in range(30)}
        for name in names:
            self.client.set_secret(name, "x", tags={"listed": "yes"})
        listed = [secret for secret in self.client.list_properties_of_secrets() if secret.name in names]
        self.assertEqual({secret.name for secret in listed}, names)
        self.assertEqual(len(listed), 30)
        self.assertTrue(all(secret.tags == {"listed": "yes"} for secret in listed))

    def test_an_update_replaces_tags_or_keeps_them(self):
        name = self.name()
        version = self.client.set_secret(name, "x", tags={"a": "1", "b": "2"}, content_type="t").properties.version
        kept = self.client.update_secret_properties(name, version, enabled=True)
        self.assertEqual((kept.tags, kept.content_type), ({"a": "1", "b": "2"}, "t"))
        replaced = self.client.update_secret_properties(name, version, tags={"c": "3"})
        self.assertEqual(replaced.tags, {"c": "3"})
        self.assertEqual(self.client.get_secret(name).value, "x")

    def test_a_disabled_version_is_not_read_and_nothing_takes_its_place(self):
        name = self.name()
        older = self.client.set_secret(name, "older").properties.version
        newest = self.client.set_secret(name, "newest").properties.version
        self.client.update_secret_properties(name, newest, enabled=False)
        with self.assertRaises(HttpResponseError) as refused:
            self.client.get_secret(name)
        self.assertEqual((refused.exception.status_code, code(refused.exception)), (403, "SecretDisabled"))
        self.assertEqual(self.client.get_secret(name, older).value, "older")

    def test_what_is_not_there(self):
        with self.assertRaises(ResourceNotFoundError) as missing:
            self.client.get_secret(self.name())
        self.assertEqual(code(missing.exception), "SecretNotFound")
        self.assertEqual(list(self.client.list_properties_of_secret_versions(self.name())), [])

    def test_what_is_refused(self):
        for value, tags in [("x" * 25_601, None), ("x", {str(nth): "x" for nth in range(16)})]:
            with self.assertRaises(HttpResponseError) as refused:
                self.client.set_secret(self.name(), value, tags=tags)
            self.assertEqual((refused.exception.status_code, code(refused.exception)), (400, "BadParameter"))

    def test_deleted_recovered_purged(self):
        name = self.name()
        self.client.set_secret(name, "x")
        deletion = self.client.begin_delete_secret(name)
        self.assertEqual(deletion.result().name, name)
        deletion.wait()
        self.assertIn(name, [secret.name for secret in self.client.list_deleted_secrets()])
        with self.assertRaises(ResourceNotFoundError):
            self.client.get_secret(name)
        with self.assertRaises(ResourceExistsError) as conflict:
            self.client.set_secret(name, "y")
        self.assertEqual(code(conflict.exception), "ObjectIsDeletedButRecoverable")
        self.client.begin_recover_deleted_secret(name).wait()
        self.assertEqual(self.client.get_secret(name).value, "x")
        self.client.begin_delete_secret(name).wait()
        self.client.purge_deleted_secret(name)
        self.assertEqual(self.client.set_secret(name, "z").value, "z")


if __name__ == "__main__":
    unittest.main()
