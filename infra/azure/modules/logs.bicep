// Where the job's log and the vault's audit go, and what alert rules look at.
@description('Name of the workspace.')
param name string
@description('Where it is.')
param location string
@description('How long logs are kept, in days.')
param days int
@description('Tags.')
param tags object

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: days
    features: { disableLocalAuth: true }
  }
}

output id string = workspace.id
