"""The composite action and the template of Azure Pipelines: their shell, run in the environment that a runner gives it."""
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

from test_infra import LINTERS, ROOT, ROTATOR, Infra, ran
from world import World

ACTION = f"{ROOT}/.github/actions/rotator"
TEMPLATE = f"{ROOT}/infra/azure-pipelines/rotator.yml"
# In place of GitHub's.
GH = """#!/bin/sh
echo "$@" >>"$LOG"
case "$1" in
  release) while [ $# -gt 0 ]; do [ "$1" = --output ] && cp "$THE_BINARY" "$2"; shift; done ;;
  attestation) exit "$VERDICT" ;;
esac
"""
PATH = "/usr/local/bin:/usr/bin:/bin"


def load(path):
    with open(path) as file:
        return yaml.safe_load(file)


class Runner:
    """What a runner does with a composite action: inputs, conditions, environment, outputs, summary."""

    def __init__(self, settings, folder, machine={}, **inputs):
        self.action = load(f"{ACTION}/action.yml")
        self.inputs = {name: str(given.get("default", "")) for name, given in self.action["inputs"].items()}
        self.inputs.update({name.replace("_", "-"): value for name, value in inputs.items()})
        self.settings, self.folder, self.machine, self.outputs, self.log, self.code = settings, folder, machine, {}, "", 0
        for step in self.action["runs"]["steps"]:
            if self.code == 0 and self.holds(step.get("if")):
                self.run(step)

    def value(self, text):
        def one(match):
            expression = match[1].strip()
            if expression.startswith("inputs."):
                return self.inputs[expression.removeprefix("inputs.")]
            if expression.startswith("steps."):
                _, step, _, name = expression.split(".")
                return self.outputs.get(step, {}).get(name, "")
            return {"github.token": "token", "github.action_repository || github.repository": "contoso/rotator"}[expression]

        return re.sub(r"\$\{\{(.*?)\}\}", one, text)

    def holds(self, condition):
        if not condition:
            return True
        name, wanted = re.fullmatch(r"inputs\.([\w-]+) == '(\w+)'", condition).groups()
        return self.inputs[name] == wanted

    def run(self, step):
        output, summary = f"{self.folder}/output", f"{self.folder}/summary.md"
        open(output, "w").close()
        environment = {
            **self.settings, "PATH": PATH, "GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": ACTION, "GITHUB_OUTPUT": output,
            "GITHUB_STEP_SUMMARY": summary, "RUNNER_TEMP": self.folder, "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", **self.machine,
            **{name: self.value(value) for name, value in step.get("env", {}).items()},
        }
        done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", step["run"]], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.log += done.stdout
        self.code = done.returncode
        with open(output) as file:
            self.outputs[step["id"]] = dict(line.rstrip("\n").split("=", 1) for line in file)

    def output(self, name):
        return self.value(self.action["outputs"][name]["value"])


class ActionTest(Infra):
    def act(self, scenario, **inputs):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        with World(scenario) as settings:
            config = settings.pop("ROTATOR_CONFIG")
            return Runner(settings, folder.name, binary=ROTATOR, config=config, **inputs), folder.name

    def test_it_rotates_and_says_so(self):
        runner, folder = self.act("github")
        self.assertEqual((runner.code, runner.output("exit-code")), (0, "0"), runner.log)
        with open(runner.output("report")) as file:
            self.assertEqual(json.load(file)["summary"]["rotated"], 1)
        with open(f"{folder}/summary.md") as file:
            self.assertIn("contoso-partner", file.read())
        self.assertNotIn("::error", runner.log)

    def test_a_step_fails_with_the_code_of_the_job_and_an_annotation(self):
        runner, folder = self.act("revoked")
        self.assertEqual((runner.code, runner.output("exit-code")), (3, "3"))
        self.assertEqual(len(re.findall(r"^::error title=contoso-partner::.*entra\.revoked", runner.log, re.M)), 1, runner.log)
        with open(runner.output("report")) as file:
            self.assertEqual(json.load(file)["tokens"][0]["failure"]["kind"], "entra.revoked")

    def test_warnings_fail_where_that_is_asked_for(self):
        self.assertEqual(self.act("aging", only="contoso-partner")[0].code, 0)
        runner, _ = self.act("without-mfa", fail_on="warning")
        self.assertEqual(runner.code, 3, runner.log)

    def test_an_access_token_is_masked_before_it_is_an_output(self):
        runner, _ = self.act("github", command="token", name="contoso-partner", **{"for": "arm"})
        token = runner.output("access-token")
        self.assertTrue(runner.code == 0 and len(token) > 100, runner.log)
        with_token = {line for line in runner.log.splitlines() if token in line}
        self.assertEqual(with_token, {f"::add-mask::{token}"})

    def test_neither_a_binary_nor_a_release_is_said(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        runner = Runner({}, folder.name)
        self.assertEqual(runner.code, 2)
        self.assertIn("::error::name the release", runner.log)

    def fetched(self, version="v0.1.0", verdict="0", **machine):
        """With a `gh` that hands out the binary, and judges it as it is told to."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        with open(f"{folder.name}/gh", "w") as file:
            file.write(GH)
        os.chmod(f"{folder.name}/gh", 0o755)
        machine = {"PATH": f"{folder.name}:{PATH}", "THE_BINARY": ROTATOR, "VERDICT": verdict, "LOG": f"{folder.name}/log", **machine}
        runner = Runner({}, folder.name, machine, version=version, config="/dev/null")
        return runner, open(f"{folder.name}/log").read().splitlines() if os.path.exists(f"{folder.name}/log") else []

    def test_a_release_is_fetched_and_must_be_of_the_workflow_and_the_tag(self):
        runner, log = self.fetched()
        # The empty configuration is refused by the binary that was fetched.
        self.assertEqual((runner.code, runner.output("exit-code")), (2, "2"), runner.log)
        fetch, verify = log
        self.assertRegex(fetch, "^release download v0.1.0 --repo contoso/rotator --pattern rotator-x86_64-linux ")
        self.assertTrue(verify.endswith(
            "--repo contoso/rotator --signer-workflow contoso/rotator/.github/workflows/release.yml --source-ref refs/tags/v0.1.0"), verify)

    def test_what_is_not_verified_is_not_run(self):
        runner, log = self.fetched(verdict="1")
        self.assertEqual((runner.code, len(log), runner.output("exit-code")), (1, 2, ""))
        self.assertNotIn("rotator 0", runner.log)

    def test_a_machine_without_a_release_is_named(self):
        runner, log = self.fetched(RUNNER_ARCH="ARM64")
        self.assertEqual((runner.code, log), (2, []))
        self.assertIn("::error::there is no release for Linux on ARM64", runner.log)

    def test_what_does_nothing_is_no_success(self):
        for inputs in [{"command": "rotate"}, {"command": "token", "name": "--help"}, {"command": "token"}]:
            runner, _ = self.act("github", **inputs)
            self.assertEqual(runner.code, 2, inputs)
            self.assertIn("::error::", runner.log)

    def test_what_is_given_is_no_shell(self):
        runner, folder = self.act("github", only="$(touch pwned)`touch pwned`;touch pwned")
        self.assertEqual(runner.code, 2, runner.log)
        self.assertFalse(os.path.exists("pwned") or os.path.exists(f"{folder}/pwned"))


class AzurePipelinesTest(Infra):
    def step(self, scenario, **given):
        template = load(TEMPLATE)
        parameters = {parameter["name"]: parameter.get("default", "") for parameter in template["parameters"]} | given
        (step,) = template["steps"]
        with World(scenario) as settings:
            parameters["config"] = settings.pop("ROTATOR_CONFIG")
            value = lambda text: re.sub(r"\$\{\{ parameters\.(\w+) \}\}", lambda match: parameters[match[1]], text)
            # $(System.AccessToken) is what the sandbox stands in for.
            mapped = {name: value(text) for name, text in step["env"].items() if name != "SYSTEM_ACCESSTOKEN"}
            self.assertEqual(step["env"]["SYSTEM_ACCESSTOKEN"], "$(System.AccessToken)")
            with tempfile.TemporaryDirectory() as folder:
                environment = {**settings, "PATH": PATH, "TF_BUILD": "True", "AGENT_TEMPDIRECTORY": folder, **mapped}
                return ran("bash", "-c", step["inputs"]["inlineScript"], env=environment)

    def test_it_rotates_and_fails_by_the_same_codes(self):
        done = self.step("pipelines", binary=ROTATOR)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("##vso[task.uploadsummary]", done.stderr)
        self.assertEqual(self.step("revoked", binary=ROTATOR).returncode, 3)
        self.assertEqual(self.step("without-mfa", binary=ROTATOR, failOn="warning").returncode, 3)
        self.assertEqual(self.step("pipelines", binary=ROTATOR, only="nobody").returncode, 2)
        self.assertRegex(done.stdout, r"##vso\[task.setvariable variable=ROTATOR_EXIT_CODE\]0\n##vso\[task.setvariable variable=ROTATOR_REPORT\]\S+rotator-report.json")
        self.assertEqual(self.step("pipelines", binary=ROTATOR, command="token", token="--help").returncode, 2)

    def test_an_access_token_is_a_secret_variable(self):
        done = self.step("pipelines", binary=ROTATOR, command="token", token="contoso-partner", **{"for": "arm"})
        self.assertEqual(done.returncode, 0, done)
        (line,) = done.stdout.splitlines()
        self.assertRegex(line, r"^##vso\[task\.setvariable variable=ACCESS_TOKEN;issecret=true\]\S{100,}$")
        elsewhere = self.step("customers", binary=ROTATOR, command="token", token="contoso-partner", tenant="northwind.example", **{"for": "graph"})
        self.assertEqual((elsewhere.returncode, "entra.consent" in elsewhere.stderr), (3, True), elsewhere)


class LintTest(Infra):
    def test_schemas(self):
        check = lambda schema, *files: ran(f"{LINTERS}/check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)
        azure = ["--data-transform", "azure-pipelines", "--regex-variant", "nonunicode"]
        for done in [
            check("github-workflows", *glob.glob(f"{ROOT}/.github/workflows/*.yml")),
            check("github-actions", f"{ACTION}/action.yml"),
            check("github-issue-forms", *(path for path in glob.glob(f"{ROOT}/.github/ISSUE_TEMPLATE/*.yml") if not path.endswith("config.yml"))),
            check("github-issue-config", f"{ROOT}/.github/ISSUE_TEMPLATE/config.yml"),
            check("dependabot", f"{ROOT}/.github/dependabot.yml"),
            check("azure-pipelines", *azure, TEMPLATE),
        ]:
            self.assertEqual(done.returncode, 0, done.stdout)

    def test_workflows_and_the_action(self):
        self.quiet(f"{LINTERS}/zizmor", "--offline", "--no-progress", "--quiet", "--format=github", f"{ROOT}/.github")
        # The linter looks at an action by a workflow that uses it.
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(f"{ROOT}/.github", f"{folder}/.github")
            os.mkdir(f"{folder}/.git")
            with open(f"{folder}/.github/workflows/use.yml", "w") as file:
                file.write("on: push\njobs:\n  use:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: ./.github/actions/rotator\n        with: { binary: x, only: a }\n")
            environment = {"PATH": f"{LINTERS}:{PATH}"}
            self.quiet(f"{LINTERS}/actionlint", "-color=false", cwd=folder, env=environment)
            with open(f"{folder}/.github/workflows/use.yml", "a") as file:
                file.write("nonsense: x\n")
            self.assertNotEqual(ran(f"{LINTERS}/actionlint", cwd=folder, env=environment).returncode, 0)

    def test_shell(self):
        scripts = [*glob.glob(f"{ACTION}/*.sh"), f"{ROOT}/.github/release-files", f"{ROOT}/.ci/run", f"{ROOT}/infra/container/build"]
        self.quiet(f"{LINTERS}/shellcheck", *scripts)

    def test_actions_are_pinned_by_hash(self):
        for path in glob.glob(f"{ROOT}/.github/workflows/*.yml"):
            with open(path) as file:
                for name in re.findall(r"uses: (\S+)", file.read()):
                    self.assertRegex(name, r"@[0-9a-f]{40}$|^\./")

    def test_the_files_of_a_release(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(ROTATOR, f"{folder}/rotator-x86_64-linux")
            done = ran(f"{ROOT}/.github/release-files", folder, cwd=ROOT)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            with open(f"{folder}/bom.cdx.json") as file:
                bill = json.load(file)
            parts = {part["name"]: part for part in bill["components"]}
            self.assertEqual((bill["bomFormat"], bill["specVersion"]), ("CycloneDX", "1.5"))
            self.assertEqual(parts["azure_core"]["purl"], f"pkg:cargo/azure_core@{parts['azure_core']['version']}")
            self.assertNotIn("rcgen", parts, "the sandbox is not in the binary")
            self.assertTrue(all(part["licenses"][0]["expression"] for part in parts.values()))
            self.assertEqual(ran("sha256sum", "--check", "--quiet", "SHA256SUMS", cwd=folder).returncode, 0)
            self.assertLessEqual({"schannel", "security-framework", "openssl-probe"}, set(parts), "of all systems")
            self.assertGreater(os.path.getsize(f"{folder}/notes.md"), 100)

    def test_the_notes_are_those_of_one_version(self):
        with tempfile.TemporaryDirectory() as folder:
            for path in ["Cargo.toml", "Cargo.lock", "src", "LICENSE"]:
                os.symlink(f"{ROOT}/{path}", f"{folder}/{path}")
            os.mkdir(f"{folder}/tests")
            os.symlink(f"{ROOT}/tests/main.rs", f"{folder}/tests/main.rs")
            os.mkdir(f"{folder}/release")
            shutil.copy(ROTATOR, f"{folder}/release/rotator-x86_64-linux")
            for changelog, notes in [
                ("# Changelog\n## Unreleased\nlater\n## 0.1.0 (2026-12-01)\nthis\n## 0.1.0-rc1\nbefore\n", "this\n"),
                ("# Changelog\n## Unreleased\nnow\n## 0.0.9\nold\n", "now\n"),
            ]:
                with open(f"{folder}/CHANGELOG.md", "w") as file:
                    file.write(changelog)
                done = ran(f"{ROOT}/.github/release-files", "release", cwd=folder)
                self.assertEqual(done.returncode, 0, done.stderr)
                with open(f"{folder}/release/notes.md") as file:
                    self.assertEqual(file.read(), notes)


if __name__ == "__main__":
    unittest.main()
