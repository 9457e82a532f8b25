// The right to pull from a registry, in the registry's own resource group.
@description('Name of the registry.')
param registryName string
@description('Who pulls.')
param principal string

// AcrPull (learn.microsoft.com/azure/role-based-access-control/built-in-roles/containers)
var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registryName
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, principal, acrPull)
  scope: registry
  properties: {
    principalId: principal
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
  }
}
