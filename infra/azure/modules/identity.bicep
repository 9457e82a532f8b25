// What the job signs in as: to the vault, to the registry, and as the federated credential of an app registration.
@description('Name of the identity.')
param name string
@description('Where it is.')
param location string
@description('Resource id of the registry that it pulls from; empty for a public one.')
param registryId string
@description('Tags.')
param tags object

// /subscriptions/S/resourceGroups/G/providers/…
var parts = split(registryId, '/')
var subscriptionId = empty(registryId) ? subscription().subscriptionId : parts[2]
var groupName = empty(registryId) ? resourceGroup().name : parts[4]

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

module pull 'pull.bicep' = if (!empty(registryId)) {
  name: '${name}-pull'
  scope: resourceGroup(subscriptionId, groupName)
  params: { registryName: last(split(registryId, '/')), principal: identity.properties.principalId }
}

output id string = identity.id
output clientId string = identity.properties.clientId
output principalId string = identity.properties.principalId
