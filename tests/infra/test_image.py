"""The image of infra/container, run without an engine: against the sandbox on this machine, by the production names."""
import json
import os
import subprocess
import unittest

from world import ROOT, World

IMAGE = "localhost/rotator:dev"
MOST_BYTES = 12_000_000


def buildah(*arguments, **more):
    # The driver is part of every call, or another store is looked at.
    driver = os.environ.get("STORAGE_DRIVER", "overlay")
    return subprocess.run(["buildah", "--storage-driver", driver, *arguments], capture_output=True, text=True, **more)


def id_of_image():
    return buildah("inspect", "--type", "image", "--format", "{{.FromImageID}}", IMAGE).stdout.strip()


@unittest.skipIf(os.environ.get("ROTATOR_IMAGE") != "1", "the image is built by infra/container/build; set ROTATOR_IMAGE=1 then")
class ImageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.settings = cls.enterClassContext(World("due"))
        cls.folder = os.path.dirname(cls.settings["ROTATOR_CONFIG"])
        # The user of the image is none of this machine.
        os.chmod(cls.folder, 0o755)

    def setUp(self):
        self.container = buildah("from", "--pull-never", IMAGE).stdout.strip()
        self.addCleanup(buildah, "rm", self.container)
        self.assertTrue(self.container)

    def rotator(self, *arguments):
        settings = [part for name, value in self.settings.items() for part in ("--env", f"{name}={value}")]
        command = ["run", "--isolation", "chroot", "--volume", f"{self.folder}:{self.folder}:ro", *settings]
        return buildah(*command, self.container, "--", "/rotator", *arguments)

    def test_it_rotates(self):
        done = self.rotator("run", "--output", "json")
        report = json.loads(done.stdout)
        self.assertEqual((done.returncode, report["summary"]["rotated"]), (0, 1), done.stderr)
        log = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertIn("run.finished", [line.get("event") for line in log])

    def test_it_is_small_and_has_no_sandbox_and_nobody_is_root(self):
        image = json.loads(buildah("inspect", "--type", "image", IMAGE).stdout)
        config = image["OCIv1"]["config"]
        self.assertEqual((config["User"], config["Entrypoint"], config["Cmd"]), ("65532:65532", ["/rotator"], ["run"]))
        labels = config["Labels"]
        self.assertEqual((labels["org.opencontainers.image.title"], labels["org.opencontainers.image.licenses"]), ("rotator", "MIT"))
        self.assertRegex(labels["org.opencontainers.image.version"], r"^\d+\.\d+\.\d+")
        self.assertRegex(labels["org.opencontainers.image.revision"], r"^[0-9a-f]{40}$")
        mount = buildah("mount", self.container).stdout.strip()
        files = {os.path.relpath(os.path.join(at, name), mount): os.path.join(at, name) for at, _, names in os.walk(mount) for name in names}
        self.assertEqual(sorted(name for name in files if name.startswith(("rotator", "etc/ssl"))), ["etc/ssl/certs/ca-certificates.crt", "rotator"])
        size = sum(os.path.getsize(path) for path in files.values())
        self.assertLess(size, MOST_BYTES)
        print(f"image: {size} bytes")
        self.assertEqual(os.stat(files["rotator"]).st_mode & 0o777, 0o555)
        self.assertEqual(self.rotator("sandbox").returncode, 2)

    def test_the_same_binary_gives_the_same_image(self):
        ids = set()
        for _ in range(2):
            built = subprocess.run([f"{ROOT}/infra/container/build", IMAGE], capture_output=True, text=True)
            self.assertEqual(built.returncode, 0, built.stderr)
            ids.add(id_of_image())
        self.assertTrue(len(ids) == 1 and all(ids), ids)


if __name__ == "__main__":
    unittest.main()
