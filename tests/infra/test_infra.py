"""The files of infra/, by the tools of those who run them: kustomize, systemd, cron's shell, promtool, hadolint."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as xml

import yaml

from world import ROOT, ROTATOR, World

INFRA = f"{ROOT}/infra"
KUBECTL = f"{ROOT}/target/kubectl/kubectl/kubectl"
TENANT, CLIENT = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-00000000001d"
LINTERS = f"{ROOT}/target/lint-venv/bin"


def read(path):
    with open(f"{INFRA}/{path}") as file:
        return file.read()


def ran(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


class Infra(unittest.TestCase):
    def quiet(self, *command, **more):
        """A tool that finds nothing, and says nothing: some of them exit 0 on warnings."""
        done = ran(*command, **more)
        self.assertEqual((done.returncode, done.stdout.strip(), done.stderr.strip()), (0, "", ""), command)

    def is_configuration(self, path, environment={}):
        done = ran(ROTATOR, "config", "check", "--config", path, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)


class KubernetesTest(Infra):
    def built(self, folder):
        done = ran(KUBECTL, "kustomize", f"{INFRA}/kubernetes/{folder}")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return {(item["kind"], item["metadata"]["name"].split("-")[0]): item for item in yaml.safe_load_all(done.stdout)}, done.stdout

    def test_base_and_overlay_are_valid(self):
        for folder in ["base", "aks"]:
            items, text = self.built(folder)
            self.assertEqual(sorted(kind for kind, _ in items), ["ConfigMap", "CronJob", "Namespace", "NetworkPolicy", "ServiceAccount"])
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(text)
                file.flush()
                done = ran(f"{LINTERS}/kubernetes-validate", "--strict", file.name)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        # What the webhook of workload identity puts into a pod that is labelled for it.
        pod = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/azure/tokens/azure-identity-token"}
        self.is_configuration(f"{INFRA}/kubernetes/aks/rotator.toml", pod)
        # With nothing but what every pod has.
        self.is_configuration(f"{INFRA}/kubernetes/base/rotator.toml", {})

    def test_a_misspelt_key_is_found(self):
        _, text = self.built("base")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text.replace("concurrencyPolicy", "concurencyPolicy"))
            file.flush()
            self.assertNotEqual(ran(f"{LINTERS}/kubernetes-validate", "--strict", file.name).returncode, 0)

    def test_the_pod_is_restricted_and_a_person_is_not_retried(self):
        items, _ = self.built("base")
        job = items["CronJob", "rotator"]["spec"]
        pod = job["jobTemplate"]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        security = {**pod["securityContext"], **container["securityContext"]}
        self.assertTrue(security["runAsNonRoot"] and security["readOnlyRootFilesystem"])
        self.assertEqual((security["allowPrivilegeEscalation"], security["capabilities"]), (False, {"drop": ["ALL"]}))
        self.assertEqual((job["concurrencyPolicy"], job["timeZone"], pod["restartPolicy"]), ("Forbid", "Etc/UTC", "Never"))
        fails = job["jobTemplate"]["spec"]["podFailurePolicy"]["rules"][0]
        self.assertEqual((fails["action"], fails["onExitCodes"]["values"]), ("FailJob", [2, 3]))
        self.assertEqual(fails["onExitCodes"]["containerName"], container["name"])
        self.assertLess(job["jobTemplate"]["spec"]["backoffLimit"], 4)
        policy = items["NetworkPolicy", "rotator"]["spec"]
        labels = job["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
        self.assertLessEqual(policy["podSelector"]["matchLabels"].items(), labels.items())
        self.assertNotIn("ingress", policy)
        ports = lambda policy: {port["port"] for rule in policy["egress"] for port in rule["ports"]}
        self.assertEqual(ports(policy), {53, 80, 443, 465, 587})
        # Workload identity leaves the nodes' identity out of reach.
        self.assertEqual(ports(self.built("aks")[0]["NetworkPolicy", "rotator"]["spec"]), {53, 443, 465, 587})

    def test_workload_identity_is_asked_for_by_label_and_annotation(self):
        items, _ = self.built("aks")
        pod = items["CronJob", "rotator"]["spec"]["jobTemplate"]["spec"]["template"]
        self.assertEqual(pod["metadata"]["labels"]["azure.workload.identity/use"], "true")
        self.assertEqual(pod["spec"]["serviceAccountName"], items["ServiceAccount", "rotator"]["metadata"]["name"])
        self.assertIn("azure.workload.identity/client-id", items["ServiceAccount", "rotator"]["metadata"]["annotations"])

    def test_alert_rules(self):
        items, _ = self.built("prometheus")
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/rules.yml", "w") as file:
                yaml.safe_dump(items["PrometheusRule", "rotator"]["spec"], file)
            shutil.copy(f"{ROOT}/tests/infra/kubernetes.rules.test.yml", folder)
            for check in [["check", "rules", "--lint=all", "--lint-fatal", "rules.yml"], ["test", "rules", "kubernetes.rules.test.yml"]]:
                done = ran("promtool", *check, cwd=folder)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class SystemdTest(Infra):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        for name in ["rotator.service", "rotator.timer"]:
            # The binary is not installed here.
            text = read(f"systemd/{name}").replace("/usr/local/bin/rotator", ROTATOR)
            with open(f"{self.folder.name}/{name}", "w") as file:
                file.write(text.replace("Documentation=man:rotator(1)\n", ""))

    def verified(self, name="rotator.service"):
        return ran("systemd-analyze", "verify", f"{self.folder.name}/{name}")

    def test_the_units_are_right(self):
        for name in ["rotator.service", "rotator.timer"]:
            done = self.verified(name)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_an_unknown_key_is_found(self):
        with open(f"{self.folder.name}/rotator.service", "a") as file:
            file.write("ProtectEverything=yes\n")
        done = self.verified()
        self.assertIn("ProtectEverything", done.stdout + done.stderr)

    def test_it_is_hardened(self):
        unit = f"{self.folder.name}/rotator.service"
        done = ran("systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", unit)
        self.assertEqual(done.returncode, 0, done.stdout[-300:])

    def test_the_command_is_one_that_there_is(self):
        (line,) = re.findall(r"^ExecStart=(.*)$", read("systemd/rotator.service"), re.M)
        done = ran(ROTATOR, *line.split()[1:], env={"PATH": "/usr/bin"})
        self.assertEqual(done.returncode, 2)
        self.assertIn("/etc/rotator/rotator.toml", done.stderr)


class CronTest(Infra):
    """The line of the table, as cron runs it: by a shell, with the table's variables."""

    def run_line(self, scenario):
        table = read("cron/rotator")
        variables = dict(re.findall(r"^([A-Z_]+)=(.*)$", table, re.M))
        (line,) = [line for line in table.splitlines() if line[:1].isdigit()]
        minute, hour, *days, user, command = line.split(None, 6)
        self.assertEqual((days, user), (["*", "*", "*"], "rotator"))
        self.assertTrue(0 <= int(minute) < 60 and 0 <= int(hour) < 24)
        self.assertNotIn("%", command, "cron takes it for a line break")
        with tempfile.TemporaryDirectory() as folder:
            script = f"{folder}/job"
            with open(script, "w") as file:
                file.write(command.replace("/etc/rotator", folder))
            with World(scenario) as settings:
                path = f"{os.path.dirname(ROTATOR)}:{variables['PATH']}"
                return ran("/bin/sh", script, env={**variables, **settings, "PATH": path})

    def test_it_is_quiet_where_all_is_well_and_prints_the_report_where_not(self):
        well = self.run_line("due")
        self.assertEqual((well.returncode, well.stdout, well.stderr), (0, "", ""))
        dead = self.run_line("revoked")
        self.assertIn("rotator consent contoso-partner", dead.stdout)


class WindowsTest(Infra):
    def test_the_task(self):
        space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
        task = xml.fromstring(read("windows/rotator.xml").encode())
        text = lambda path: task.find("/".join(space + part for part in path.split("/"))).text
        self.assertEqual(task.tag, f"{space}Task")
        self.assertEqual(text("Principals/Principal/RunLevel"), "LeastPrivilege")
        self.assertEqual(text("Settings/MultipleInstancesPolicy"), "IgnoreNew")
        self.assertEqual(text("Triggers/CalendarTrigger/ScheduleByDay/DaysInterval"), "1")
        # The order of elements is part of the schema.
        order = [child.tag.removeprefix(space) for child in task]
        self.assertEqual(order, ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"])
        words = re.findall(r'"[^"]*"|\S+', text("Actions/Exec/Arguments"))
        done = ran(ROTATOR, *[word.strip('"') for word in words], env={})
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("rotator.toml", done.stderr)


class ContainerTest(Infra):
    def test_the_containerfile(self):
        self.quiet(f"{LINTERS}/hadolint", f"{INFRA}/container/Containerfile")
        self.quiet(f"{LINTERS}/shellcheck", f"{INFRA}/container/build")


if __name__ == "__main__":
    unittest.main()
