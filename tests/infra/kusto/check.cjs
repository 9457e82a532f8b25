// Queries by the language service of the portal: syntax, functions, and the columns of the table that logs of a job go to
// (learn.microsoft.com/azure/azure-monitor/reference/tables/containerappconsolelogs). Prints what it says of each argument.
const load = require("module").createRequire(process.env.KUSTO + "/");
load("@kusto/language-service-next/bridge.min");
load("@kusto/language-service-next/Kusto.Language.Bridge.min");
const { KustoCode, GlobalState, Symbols } = Kusto.Language;
const logs = Symbols.TableSymbol.From(
  "(TimeGenerated: datetime, JobName: string, Log: string, ContainerGroupName: string, Stream: string)",
).WithName("ContainerAppConsoleLogs");
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("workspace", [logs]));
for (const query of process.argv.slice(2)) {
  const found = KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
  for (let nth = 0; nth < found.Count; nth += 1) {
    const { Severity, Message, Start } = found.getItem(nth);
    console.log(`${Severity} at ${query.slice(Start, Start + 40)}: ${Message}`);
  }
}
