// The path that does not need the job: the vault itself says when a token that nobody renewed is 60 days old, and when it is dead.
// It sees only versions that are stored after the subscription was made, so that one run belongs after the deployment.
@description('Begins the names.')
param name string
@description('Where the vault is: a topic belongs to the region of its source.')
param location string
@description('Name of the system topic that the vault has already; empty if it has none, and one is made. A vault has one at most.')
param existingTopic string
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

// The standard filter by subject, which is the name of the secret; an empty beginning is every secret.
var watched = empty(tokenSecrets) ? [''] : tokenSecrets
var topicName = empty(existingTopic) ? name : existingTopic

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

resource newTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (empty(existingTopic)) {
  name: name
  location: location
  tags: tags
  properties: { source: vault.id, topicType: 'Microsoft.KeyVault.vaults' }
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

@batchSize(1)
resource nearExpiry 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [for secret in watched: {
  parent: topic
  name: empty(secret) ? 'token-near-expiry' : 'token-near-expiry-${uniqueString(secret)}'
  properties: {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: { includedEventTypes: ['Microsoft.KeyVault.SecretNearExpiry'], subjectBeginsWith: secret, subjectEndsWith: secret }
    destination: {
      endpointType: 'MonitorAlert'
      properties: {
        severity: 'Sev2'
        description: 'A refresh token was not renewed for 60 days: is the job running? It dies in 30 days.'
        actionGroups: [actionGroupId]
      }
    }
  }
  dependsOn: [newTopic]
}]

@batchSize(1)
resource expired 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [for secret in watched: {
  parent: topic
  name: empty(secret) ? 'token-expired' : 'token-expired-${uniqueString(secret)}'
  properties: {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: { includedEventTypes: ['Microsoft.KeyVault.SecretExpired'], subjectBeginsWith: secret, subjectEndsWith: secret }
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
}]
