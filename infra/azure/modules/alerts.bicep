// Alerts on what the job says in its log. Not on exit codes: a token that is known to be dead must not hide the next failure.
@description('Begins the names.')
param name string
@description('Where the rules are.')
param location string
@description('Name of the Container Apps job.')
param jobName string
@description('Resource id of the workspace.')
param workspaceId string
@description('Mail addresses.')
param mails string[]
@description('https addresses.')
param webhooks string[]
@description('Tags.')
param tags object

// One object a line, each with the name of its event. The empty table stands in until the first line of a job makes the real one.
var table = 'union isfuzzy=true (datatable(TimeGenerated: datetime, JobName: string, Log: string)[]), ContainerAppConsoleLogs'
var events = '${table} | where JobName == "${jobName}" | extend line = parse_json(Log) | extend event = tostring(line.event), token = tostring(line.token)'
// A run that had nothing to object to: also of a token that is suspended, retired or not probed. A failure, even one that passes, has a kind.
var well = 'event == "token.finished" and isempty(tostring(line.kind))'

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-people'
  location: 'Global'
  tags: tags
  properties: {
    groupShortName: 'rotator'
    enabled: true
    emailReceivers: [for (mail, nth) in mails: { name: 'mail-${nth}', emailAddress: mail, useCommonAlertSchema: true }]
    webhookReceivers: [for (webhook, nth) in webhooks: { name: 'webhook-${nth}', serviceUri: webhook, useCommonAlertSchema: true }]
  }
}

resource notRun 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-not-run'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'The job that renews refresh tokens has not ended a run for two days'
    description: 'az containerapp job execution list --name ${jobName} --resource-group ${resourceGroup().name}'
    severity: 1
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: 'PT6H'
    // The longest that a rule looks back.
    windowSize: 'P2D'
    autoMitigate: true
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: '${events} | where event == "run.finished"'
          timeAggregation: 'Count'
          operator: 'LessThan'
          threshold: 1
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: [people.id] }
  }
}

resource critical 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-token-critical'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'A refresh token needs a person'
    description: 'rotator status, or the log of the last run, say what to do'
    severity: 1
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: 'PT1H'
    // Longer than from one run to the next, so that an alert stands while its token does.
    windowSize: 'P2D'
    autoMitigate: true
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          // What the runs of the last two days last knew of each token. A failure that passes does not change it.
          query: '${events} | where event == "token.critical" or (${well}) | summarize arg_max(TimeGenerated, event) by token | where event == "token.critical"'
          timeAggregation: 'Count'
          dimensions: [{ name: 'token', operator: 'Include', values: ['*'] }]
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: [people.id] }
  }
}

resource waiting 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-token-waiting'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'A refresh token could not be renewed or probed for two days'
    description: 'rotator doctor says what is in the way'
    severity: 2
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: 'PT6H'
    windowSize: 'P2D'
    autoMitigate: true
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          // Two runs at least; whoever is critical is told of by the other rule.
          query: '${events} | where event in ("token.finished", "token.critical") | summarize runs = count(), good = countif(${well}), dead = countif(event == "token.critical") by token | where runs > 1 and good == 0 and dead == 0'
          timeAggregation: 'Count'
          dimensions: [{ name: 'token', operator: 'Include', values: ['*'] }]
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: [people.id] }
  }
}

output actionGroupId string = people.id
