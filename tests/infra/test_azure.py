"""infra/azure without a compiler: its syntax, its names, what modules want and give, its types where those are at hand, and that what
it speaks of (data actions, events, configurations) is what the job has."""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import tree_sitter
import tree_sitter_bicep

from test_infra import ROOT, ROTATOR, Infra, ran

AZURE = f"{ROOT}/infra/azure"
# Published types and a checker of them, which are not part of this project.
TYPES = f"{ROOT}/../shared/bicep/check.py"
# This provider is not among the types.
UNKNOWN_TYPE = "unknown resource type Microsoft.ContainerRegistry/registries@"
PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))
# Of Bicep's own: functions, namespaces and what scopes answer.
BUILT_IN = {
    "array", "batchSize", "concat", "empty", "first", "guid", "json", "last", "length", "resourceGroup", "split", "subscription",
    "subscriptionResourceId", "take", "tenant", "toLower", "uniqueString", "description", "minLength", "maxLength", "minValue",
    "maxValue", "secure", "allowed",
}


def parse(text):
    return PARSER.parse(text.encode()).root_node


def walk(node):
    yield node
    for child in node.children:
        yield from walk(child)


def text_of(node):
    return node.text.decode()


def literal(node):
    return "".join(text_of(child) for child in node.named_children)


class File:
    """What a Bicep file declares, wants, gives and uses."""

    def __init__(self, path, text=None):
        self.path = path
        if text is None:
            with open(path) as file:
                text = file.read()
        self.text, self.root = text, parse(text)
        self.parameters, self.required, self.outputs, self.declared, self.modules = set(), set(), set(), set(), {}
        for node in walk(self.root):
            if node.type == "parameter_declaration":
                name = text_of(node.named_children[0])
                self.parameters.add(name)
                if not any(child.type == "=" for child in node.children):
                    self.required.add(name)
            if node.type == "output_declaration":
                self.outputs.add(text_of(node.named_children[0]))
            if node.type.endswith("_declaration") and node.type != "output_declaration":
                self.declared.add(text_of(node.named_children[0]))
            if node.type in ("loop_variable", "loop_enumerator"):
                self.declared.add(text_of(node))
            if node.type == "for_statement" and node.named_children[0].type == "identifier":
                self.declared.add(text_of(node.named_children[0]))
            if node.type == "module_declaration":
                name, target = node.named_children[:2]
                self.modules[text_of(name)] = (literal(target), self.given(node))

    @staticmethod
    def given(module):
        for node in walk(module):
            if node.type == "object_property" and text_of(node.named_children[0]) == "params":
                return {text_of(item.named_children[0]) for item in node.named_children[-1].named_children}
        return set()

    def used(self):
        for node in walk(self.root):
            if node.type == "identifier":
                parent = node.parent
                is_key = parent.type == "object_property" and parent.named_children[0] == node
                is_name = parent.type.endswith("_declaration") and parent.named_children[0] == node
                if not is_key and not is_name:
                    yield text_of(node)

    def faults(self):
        faults = [f"syntax: {text_of(node)[:40]}" for node in walk(self.root) if node.type == "ERROR" or node.is_missing]
        used = set(self.used())
        faults += [f"nobody declares {name}" for name in sorted(used - self.declared - BUILT_IN)]
        faults += [f"nobody uses {name}" for name in sorted(self.declared - used) if self.is_local(name)]
        for module, (path, given) in self.modules.items():
            target = File(os.path.join(os.path.dirname(self.path), path))
            faults += [f"{module} has no parameter {name}" for name in sorted(given - target.parameters)]
            faults += [f"{module} lacks {name}" for name in sorted(target.required - given)]
            outputs = set(re.findall(rf"\b{module}\.outputs\.(\w+)", self.text))
            faults += [f"{module} gives no {name}" for name in sorted(outputs - target.outputs)]
        return faults

    def is_local(self, name):
        """A parameter, a variable; a resource or module may stand for itself."""
        return re.search(rf"^(param|var) {name}\b", self.text, re.M)


def every_file():
    return [f"{AZURE}/main.bicep", *sorted(glob.glob(f"{AZURE}/modules/*.bicep"))]


class BicepTest(Infra):
    def test_names_and_modules(self):
        for path in every_file():
            self.assertEqual(File(path).faults(), [], path)

    def test_planted_faults_are_found(self):
        main = f"{AZURE}/main.bicep"
        text = File(main).text
        for right, wrong, fault in [
            ("param schedule string", "param schedul string", "nobody declares schedule"),
            ("configuration: configuration\n", "configuratio: configuration\n", "job has no parameter configuratio"),
            ("    image: image\n", "", "job lacks image"),
            ("logs.outputs.id", "logs.outputs.identifier", "logs gives no identifier"),
            ("dependsOn: [vault]", "dependsOn: [vault", "syntax"),
            ("param tags object = {}", "param tags object = {}\nparam more string", "nobody uses more"),
        ]:
            self.assertIn(right, text)
            faults = File(main, text.replace(right, wrong)).faults()
            self.assertTrue(any(found.startswith(fault) for found in faults), (wrong, faults))

    def test_every_parameter_is_described_and_typed(self):
        for path in every_file():
            text = File(path).text
            for match in re.finditer(r"^param (\w+) (\w+)", text, re.M):
                before = text[: match.start()].rstrip().splitlines()
                lines = []
                while before and before[-1].startswith("@"):
                    lines.append(before.pop())
                self.assertTrue(any(line.startswith("@description('") for line in lines), (path, match[1]))
                self.assertNotEqual(match[2], "any")

    def test_types(self):
        if not os.path.exists(TYPES):
            print("SKIPPED: the published types of Azure's resources are not at hand")
            return
        done = ran(sys.executable, TYPES, *every_file())
        *faults, summary = done.stdout.strip().splitlines()
        self.assertEqual([fault for fault in faults if UNKNOWN_TYPE not in fault], [], summary)
        self.assertGreater(int(summary.split()[0]), 20)
        with tempfile.NamedTemporaryFile("w", suffix=".bicep") as file:
            file.write(File(f"{AZURE}/modules/job.bicep").text.replace("cronExpression", "cron"))
            file.flush()
            self.assertIn("no property 'cron'", ran(sys.executable, TYPES, file.name).stdout)

    def test_no_secret_is_declared(self):
        """A deployment that wrote a secret would overwrite a live token."""
        for path in every_file():
            self.assertNotRegex(File(path).text, r"vaults/secrets@|accessPolicies|sharedKey|listKeys")


class ExamplesTest(Infra):
    def test_parameters_are_those_of_the_template_and_the_configuration_is_right(self):
        main = File(f"{AZURE}/main.bicep")
        files = sorted(glob.glob(f"{AZURE}/examples/*/main.bicepparam"))
        self.assertEqual(len(files), 3)
        for path in files:
            with open(path) as file:
                text = file.read()
            (using,) = re.findall(r"^using '(.*)'$", text, re.M)
            folder = os.path.dirname(path)
            self.assertTrue(os.path.samefile(os.path.join(folder, using), main.path))
            # The grammar has no assignments of parameters; as variables they parse.
            as_variables = re.sub(r"^param ", "var ", re.sub(r"^using .*$", "", text, flags=re.M), flags=re.M)
            root = parse(as_variables)
            self.assertFalse(root.has_error, path)
            given = {text_of(node.named_children[0]) for node in root.named_children if node.type == "variable_declaration"}
            self.assertEqual((given - main.parameters, main.required - given), (set(), set()), path)
            (name,) = re.findall(r"loadTextContent\('(.*)'\)", text)
            configuration = os.path.join(folder, name)
            self.is_configuration(configuration)
            self.is_configuration(configuration, {"IDENTITY_ENDPOINT": "http://127.0.0.1:1", "IDENTITY_HEADER": "x", "AZURE_CLIENT_ID": "00000000-0000-0000-0000-00000000001d"})
            with open(configuration) as file:
                configured = file.read()
            secrets = re.findall(r"^secret = \"(.*)\"$", configured, re.M)
            self.assertEqual(re.findall(r"'([\w-]+-refresh-token)'", text), secrets, "Event Grid watches every token")
            (vault,) = re.findall(r"vaultName = '(.*)'", text)
            self.assertIn(f'url = "https://{vault}.vault.', configured)


def queries(text):
    """The queries of the alert rules, with what their variables stand for."""
    variables = dict(re.findall(r"^var (\w+) = '(.*)'$", text, re.M)) | {"jobName": "rotator"}
    for query in re.findall(r"^\s*query: '(.*)'$", text, re.M):
        while "${" in query:
            query = re.sub(r"\$\{(\w+)\}", lambda match: variables[match[1]], query)
        yield query


class QueryTest(Infra):
    def said(self, *asked):
        environment = {"PATH": os.environ["PATH"], "KUSTO": f"{ROOT}/target/kusto"}
        done = ran("node", f"{ROOT}/tests/infra/kusto/check.cjs", *asked, env=environment)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_the_portal_takes_the_queries(self):
        asked = list(queries(File(f"{AZURE}/modules/alerts.bicep").text))
        self.assertEqual((len(asked), self.said(*asked)), (3, ""))
        for right, wrong in [("JobName ==", "Jobname =="), ("tostring(", "to_string("), ("summarize", "sumarize"), ("by token", "by tokn")]:
            self.assertIn("Error", self.said(asked[1].replace(right, wrong)), wrong)


class AgreementTest(Infra):
    """What the template takes for granted of the job."""

    def test_the_roles_have_the_rights_that_are_documented_and_no_more(self):
        with open(f"{ROOT}/docs/configuration.md") as file:
            rows = re.findall(r"^\| (\w+) \| `Microsoft\.KeyVault/vaults/secrets/(\w+)/action` \|", file.read(), re.M)
        rights = dict(rows)
        text = File(f"{AZURE}/modules/access.bicep").text
        (job,) = re.findall(r"var jobActions = \[(.*?)\]", text, re.S)
        self.assertEqual(re.findall(r"/(\w+)/action", job), [rights[name] for name in ["get", "set", "list", "update"]])
        (more,) = re.findall(r"var consentActions = concat\(jobActions, \[(.*?)\]\)", text)
        self.assertEqual(re.findall(r"/(\w+)/action", more), [rights["recover"]])
        (status,) = re.findall(r"var statusActions = \[(.*?)\]", text)
        self.assertEqual(re.findall(r"/(\w+)/action", status), [rights["list"]])
        self.assertNotIn("actions: ['", text)

    def test_the_events_that_alerts_look_for_are_in_the_log(self):
        text = File(f"{AZURE}/modules/alerts.bicep").text
        wanted = set(re.findall(r'"((?:run|token)\.\w+)"', text))
        self.assertEqual(wanted, {"run.finished", "token.critical", "token.finished"})
        done = ran(ROTATOR, "sandbox", "--scenario", "demo", "--", "run", "--log-format", "json", "--output", "json")
        lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
        self.assertLessEqual(wanted, {line.get("event") for line in lines})
        of_tokens = [line for line in lines if line.get("event", "").startswith("token.")]
        self.assertTrue(all("token" in line for line in of_tokens))
        critical = [line["token"] for line in lines if line.get("event") == "token.critical"]
        self.assertTrue(critical and all(critical))

    def test_what_an_alert_takes_for_well_is_well(self):
        # What has no kind is well, also where nothing was done; a failure that passes is not, and must not end the alert of a dead one.
        self.assertIn('isempty(tostring(line.kind))', File(f"{AZURE}/modules/alerts.bicep").text)
        for scenario, outcome, well in [("fresh", "probed", True), ("suspended", "held", True), ("entra-down", "failed", False), ("revoked", "failed", False)]:
            done = ran(ROTATOR, "sandbox", "--scenario", scenario, "--", "run", "--log-format", "json", "--deadline", "2s")
            lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
            (line,) = [line for line in lines if line.get("event") in ("token.finished", "token.critical")]
            self.assertEqual((line["outcome"], not line.get("kind")), (outcome, well), scenario)

    def test_the_command_of_the_job_is_one_that_there_is(self):
        text = File(f"{AZURE}/modules/job.bicep").text
        (arguments,) = re.findall(r"args: \[(.*)\]", text)
        arguments = [word.replace("${deadline}", "300") for word in re.findall(r"'([^']*)'", arguments)]
        done = ran(ROTATOR, *arguments, env={})
        self.assertEqual(done.returncode, 2)
        self.assertIn("/etc/rotator/rotator.toml", done.stderr)


if __name__ == "__main__":
    unittest.main()
