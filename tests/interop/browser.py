"""Chromium or Chrome, headless, driven by its own driver."""
import os
import shutil
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service


def chromium(height=640):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome")
    # The sandbox's certificates are for hosts it plays; the listener on localhost is reached without the proxy.
    for argument in [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", f"--window-size=900,{height}", "--ignore-certificate-errors",
        f"--proxy-server={os.environ['HTTPS_PROXY']}", f"--user-data-dir={tempfile.mkdtemp(prefix='rotator-chromium-')}",
    ]:
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


def screenshot(test, browser, name):
    """Renewed on demand, so that a run of the tests leaves the working tree as it is."""
    picture, file = browser.get_screenshot_as_png(), Path("docs") / name
    test.assertTrue(picture.startswith(b"\x89PNG"))
    if os.environ.get("ROTATOR_SCREENSHOTS"):
        file.write_bytes(picture)
    test.assertTrue(file.exists())
