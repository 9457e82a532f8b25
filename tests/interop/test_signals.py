"""What a run publishes, by those who read it: promtool, and a browser."""
import os
import subprocess
import unittest
from pathlib import Path

from selenium.webdriver.common.by import By

from browser import chromium, screenshot
from sandbox import FOLDER
from sign_in import ROTATOR


def run(*arguments, scenario="demo"):
    command = [ROTATOR, "sandbox", "--scenario", scenario, "--", *arguments, "--log-level", "off"]
    return subprocess.run(command, capture_output=True, text=True).stdout


class Metrics(unittest.TestCase):
    def test_promtool_has_nothing_to_say_against_them(self):
        for scenario in ["demo", "due", "vault-down", "no-right-to-list"]:
            text = run("run", "--output", "prometheus", "--deadline", "3s", scenario=scenario)
            self.assertIn("rotator_run_exit_code", text)
            checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
            self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""), scenario)

    def test_the_rules_and_their_tests(self):
        for arguments in [["check", "rules", "docs/prometheus/rotator.rules.yml"], ["test", "rules", "docs/prometheus/rotator.rules.test.yml"]]:
            done = subprocess.run(["promtool", *arguments], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("SUCCESS", done.stdout)


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = chromium(height=1250)
        cls.addClassCleanup(cls.browser.quit)
        cls.path = Path(FOLDER) / "fleet.html"
        cls.path.write_text(run("run", "--output", "html"))

    def show(self, scheme):
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.browser.get(self.path.as_uri())

    def test_the_worst_first_and_bars_as_long_as_what_is_left(self):
        self.show("light")
        articles = self.browser.find_elements(By.TAG_NAME, "article")
        self.assertEqual(articles[0].get_attribute("class"), "bad")
        self.assertIn("rotator consent northwind-reports", articles[0].text)
        bar = self.browser.find_element(By.CSS_SELECTOR, "#token-adventure-works .bar")
        left = bar.find_element(By.TAG_NAME, "i")
        share = left.size["width"] / bar.size["width"]
        self.assertAlmostEqual(share, 88 / 90, delta=0.02)
        marks = [mark.location["x"] - bar.location["x"] for mark in bar.find_elements(By.TAG_NAME, "b")]
        self.assertAlmostEqual(marks[0] / bar.size["width"], 30 / 90, delta=0.02)
        self.assertAlmostEqual(marks[1] / bar.size["width"], 14 / 90, delta=0.02)
        self.assertTrue(bar.get_attribute("aria-label"))
        screenshot(self, self.browser, "fleet.png")

    def test_light_and_dark_are_both_readable(self):
        seen = {}
        for scheme in ["light", "dark"]:
            self.show(scheme)
            body = self.browser.find_element(By.TAG_NAME, "body")
            channels = [[int(part) for part in body.value_of_css_property(name).strip("rgba()").split(",")[:3]] for name in ["color", "background-color"]]
            seen[scheme] = channels[1]
            self.assertGreater(abs(sum(channels[0]) - sum(channels[1])), 500, channels)
        self.assertNotEqual(seen["light"], seen["dark"])

    def test_it_loads_nothing_and_can_be_printed(self):
        self.show("light")
        loaded = self.browser.execute_script("return performance.getEntriesByType('resource').length")
        self.assertEqual((loaded, self.browser.get_log("browser")), (0, []))
        pdf = self.browser.execute_cdp_cmd("Page.printToPDF", {})["data"]
        self.assertGreater(len(pdf), 10_000)


if __name__ == "__main__":
    unittest.main()
