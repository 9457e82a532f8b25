// The path that does not need the job: the vault itself says when a token that nobody renewed is 60 days old, and when it is dead.
// It sees only versions that are stored after the subscription was made, so that one run belongs after the deployment.
@description('Begins the names.')
param name string
@description('Where the vault is.')
param location string
@description('Name of the vault.')
param vaultName string
@description('Names of the secrets with tokens; all if empty.')
param tokenSecrets string[]
@description('Resource id of the workspace that the vault\'s audit goes to.')
param workspaceId string
@description('Resource id of the action group.')
param actionGroupId string
@description('Tags.')
param tags object

var ofTokens = empty(tokenSecrets) ? [] : [{ operatorType: 'StringIn', key: 'subject', values: tokenSecrets }]

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'rotator'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'audit', enabled: true }]
  }
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  properties: { source: vault.id, topicType: 'Microsoft.KeyVault.vaults' }
}

resource nearExpiry 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'token-near-expiry'
  properties: {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: { includedEventTypes: ['Microsoft.KeyVault.SecretNearExpiry'], advancedFilters: ofTokens }
    destination: {
      endpointType: 'MonitorAlert'
      properties: {
        severity: 'Sev2'
        description: 'A refresh token was not renewed for 60 days: is the job running? It dies in 30 days.'
        actionGroups: [actionGroupId]
      }
    }
  }
}

resource expired 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'token-expired'
  properties: {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: { includedEventTypes: ['Microsoft.KeyVault.SecretExpired'], advancedFilters: ofTokens }
    destination: {
      endpointType: 'MonitorAlert'
      properties: {
        severity: 'Sev0'
        description: 'A refresh token was not renewed for 90 days and is dead: rotator consent'
        actionGroups: [actionGroupId]
      }
    }
  }
  dependsOn: [nearExpiry]
}
