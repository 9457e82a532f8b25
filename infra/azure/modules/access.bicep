// Three roles with just the data actions that are used, and who has them on the vault. No built-in role is as narrow.
@description('Name of the vault.')
param vaultName string
@description('Object id of the job\'s identity.')
param jobPrincipal string
@description('Object ids of those who sign in and store tokens.')
param consentPrincipals string[]
@description('Object ids of those who look at metadata.')
param statusPrincipals string[]

var secrets = 'Microsoft.KeyVault/vaults/secrets'
// Reading a token, storing a new version, seeing versions of others, disabling old ones.
var jobActions = [
  '${secrets}/getSecret/action'
  '${secrets}/setSecret/action'
  '${secrets}/readMetadata/action'
  '${secrets}/update/action'
]
// A person also takes back a deletion.
var consentActions = concat(jobActions, ['${secrets}/recover/action'])
var statusActions = ['${secrets}/readMetadata/action']

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource jobRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'rotator job')
  properties: {
    roleName: 'Refresh token rotator (${uniqueString(resourceGroup().id)})'
    description: 'Renews refresh tokens: reads, stores, lists and disables versions of secrets.'
    type: 'CustomRole'
    permissions: [{ actions: [], notActions: [], dataActions: jobActions, notDataActions: [] }]
    assignableScopes: [resourceGroup().id]
  }
}

resource consentRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'rotator consent')
  properties: {
    roleName: 'Refresh token consent (${uniqueString(resourceGroup().id)})'
    description: 'Signs in and stores refresh tokens, and takes back their deletion.'
    type: 'CustomRole'
    permissions: [{ actions: [], notActions: [], dataActions: consentActions, notDataActions: [] }]
    assignableScopes: [resourceGroup().id]
  }
}

resource statusRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'rotator status')
  properties: {
    roleName: 'Refresh token status (${uniqueString(resourceGroup().id)})'
    description: 'Looks at the health of refresh tokens, and reads none.'
    type: 'CustomRole'
    permissions: [{ actions: [], notActions: [], dataActions: statusActions, notDataActions: [] }]
    assignableScopes: [resourceGroup().id]
  }
}

resource job 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, jobPrincipal, jobRole.id)
  scope: vault
  properties: { principalId: jobPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: jobRole.id }
}

resource consent 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for principal in consentPrincipals: {
  name: guid(vault.id, principal, consentRole.id)
  scope: vault
  properties: { principalId: principal, roleDefinitionId: consentRole.id }
}]

resource status 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for principal in statusPrincipals: {
  name: guid(vault.id, principal, statusRole.id)
  scope: vault
  properties: { principalId: principal, roleDefinitionId: statusRole.id }
}]
