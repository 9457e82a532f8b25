"""The whole sign-in in a real browser: Debian's Chromium, headless, driven by its own driver."""
import unittest

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

import sandbox
from browser import chromium, screenshot
from sign_in import Consent

TOKEN = "contoso-partner"

class Browser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = chromium()
        cls.addClassCleanup(cls.browser.quit)

    def text(self, identity):
        return self.browser.find_element(By.ID, identity).text

    def wait(self, identity):
        WebDriverWait(self.browser, 20).until(lambda browser: browser.find_elements(By.ID, identity))

    def sign_in(self, address, button="accept", mfa=True, user="Ada Admin"):
        self.browser.get(address)
        Select(self.browser.find_element(By.ID, "user")).select_by_visible_text(user)
        if not mfa:
            self.browser.find_element(By.ID, "mfa").click()
        self.browser.find_element(By.ID, button).click()

    def assert_clean(self):
        """No code or token in the address, in the page, or in what the browser remembers."""
        self.assertRegex(self.browser.current_url, r"^http://localhost:8[4-9]\d\d/result/[0-9a-f]{32}$")
        for text in [self.browser.page_source, self.browser.execute_script("return document.referrer")]:
            for secret in ["code=", "sandbox-code", "1.AXoA", "eyJ"]:
                self.assertNotIn(secret, text)
        entries = self.browser.execute_cdp_cmd("Page.getNavigationHistory", {})["entries"]
        self.assertFalse([entry["url"] for entry in entries if "code=1.AXoA" in entry["url"]], entries)

    def style(self, identity, name):
        return self.browser.find_element(By.ID, identity).value_of_css_property(name)

    def test_a_sign_in_from_the_address_to_the_page(self):
        with Consent(TOKEN, "--no-browser") as consent:
            self.sign_in(consent.address())
            self.wait("who")
            self.assert_clean()
            self.assertEqual(self.browser.find_element(By.TAG_NAME, "h1").text, "The token is stored")
            self.assertIn("Ada Admin", self.text("who"))
            self.assertEqual(self.text("tenant"), sandbox.TENANT)
            self.assertEqual(self.text("mfa"), "yes")
            self.assertIn("contoso-partner in contoso-kv.vault.azure.net", self.text("place"))
            self.assertIn("dies on", self.text("attention"))
            # The style is allowed by its digest and in force.
            self.assertEqual(self.browser.find_element(By.TAG_NAME, "dl").value_of_css_property("display"), "grid")
            screenshot(self, self.browser, "consent.png")
            code, stdout, stderr = consent.ended()
            self.assertEqual((code, "the token is stored" in stdout), (0, True), stderr)

    def test_declined_and_tried_again(self):
        with Consent(TOKEN, "--no-browser") as consent:
            self.sign_in(consent.address(), "decline")
            self.wait("again")
            self.assertIn("AADSTS65004", self.text("what"))
            self.browser.find_element(By.ID, "again").click()
            self.wait("accept")
            self.browser.find_element(By.ID, "accept").click()
            self.wait("who")
            self.assert_clean()
            self.assertEqual(consent.ended()[0], 0)

    def test_without_mfa_nothing_is_stored(self):
        with Consent(TOKEN, "--no-browser") as consent:
            self.sign_in(consent.address(), mfa=False)
            self.wait("fix")
            self.assert_clean()
            self.assertEqual(self.browser.find_element(By.TAG_NAME, "h1").text, "Nothing was stored")
            self.assertIn("MFA", self.text("what"))
            self.assertIn("--fresh", self.text("fix"))
            code, _, stderr = consent.ended()
            self.assertEqual(code, 3, stderr)

    def test_back_and_reload_do_not_use_the_code_again(self):
        with Consent(TOKEN, "--no-browser") as consent:
            self.sign_in(consent.address())
            self.wait("state")
            # While the token is on its way the page is loaded again and again, and the code is in none of these requests.
            self.browser.refresh()
            self.wait("who")
            self.assert_clean()
            self.assertEqual(consent.ended()[0], 0)
        # The listener is gone. One page back is the sign-in, and not the address with the code.
        self.browser.back()
        self.assertIn("login.microsoftonline.com", self.browser.current_url)


if __name__ == "__main__":
    unittest.main()
