// Everything that the job needs in one resource group: a vault or the one that is there, an identity with just the rights that are used, a
// scheduled Container Apps job, and alerts of which one path does not need the job to be alive.
// No secret is declared: a deployment can neither read nor overwrite a token.
targetScope = 'resourceGroup'

@description('Begins the name of every resource.')
@minLength(3)
@maxLength(20)
param name string = 'rotator'

@description('Where the resources are.')
param location string = resourceGroup().location

@description('Name of the Key Vault with the refresh tokens.')
@minLength(3)
@maxLength(24)
param vaultName string

@description('Whether the vault is there already, in this resource group, with role-based access. Otherwise it is made.')
param vaultExists bool = false

@description('Where the vault is, if it is there already and in another region.')
param vaultLocation string = location

@description('Name of the Event Grid system topic of the vault, if it has one already: it can have only one.')
param existingTopic string = ''

@description('Names of the secrets with refresh tokens: only their expiry raises alerts. All secrets of the vault if empty.')
param tokenSecrets string[] = []

@description('The image, best by digest: registry/rotator@sha256:…')
param image string

@description('Resource id of the Azure Container Registry that the image is pulled from by the job\'s identity. Empty for a public one.')
param registryId string = ''

@description('The text of rotator.toml, as loadTextContent(\'rotator.toml\') gives it. It holds no secret. With credential = "auto" the same file serves the job and a person at the Azure CLI.')
param configuration string

@description('When the job runs: five fields of cron, in UTC. Once a day: the alert rules look at two days, and want two runs in them.')
param schedule string = '17 5 * * *'

@description('Object ids of people or groups who sign in and store tokens (rotator consent).')
param consentPrincipals string[] = []

@description('Object ids of those who look at the health of tokens without reading any (rotator status).')
param statusPrincipals string[] = []

@description('Mail addresses that alerts go to.')
@minLength(1)
param alertMails string[]

@description('https addresses that alerts go to in the common alert schema.')
param alertWebhooks string[] = []

@description('How long logs are kept, in days.')
@minValue(30)
@maxValue(730)
param logDays int = 90

@description('Tags of every resource.')
param tags object = {}

// The name in the first [[token]], where it has one.
var firstTable = first(split(last(take(split(configuration, '[[token]]'), 2)), '\n['))
var firstNamed = split(firstTable, 'name = "')
var firstToken = length(firstNamed) > 1 ? first(split(last(take(firstNamed, 2)), '"')) : 'NAME'

module logs 'modules/logs.bicep' = {
  name: '${name}-logs'
  params: { name: '${name}-logs', location: location, days: logDays, tags: tags }
}

module vault 'modules/vault.bicep' = if (!vaultExists) {
  name: '${name}-vault'
  params: { name: vaultName, location: location, tags: tags }
}

module identity 'modules/identity.bicep' = {
  name: '${name}-identity'
  params: { name: '${name}-identity', location: location, registryId: registryId, tags: tags }
}

module access 'modules/access.bicep' = {
  name: '${name}-access'
  params: {
    vaultName: vaultName
    jobPrincipal: identity.outputs.principalId
    consentPrincipals: consentPrincipals
    statusPrincipals: statusPrincipals
  }
  dependsOn: [vault]
}

module job 'modules/job.bicep' = {
  name: '${name}-job'
  params: {
    name: name
    location: location
    image: image
    registryId: registryId
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    configuration: configuration
    schedule: schedule
    workspaceId: logs.outputs.id
    tags: tags
  }
  dependsOn: [access]
}

module alerts 'modules/alerts.bicep' = {
  name: '${name}-alerts'
  params: {
    name: name
    location: location
    jobName: job.outputs.name
    workspaceId: logs.outputs.id
    mails: alertMails
    webhooks: alertWebhooks
    tags: tags
  }
}

module expiry 'modules/expiry.bicep' = {
  name: '${name}-expiry'
  params: {
    name: '${name}-expiry'
    location: vaultLocation
    existingTopic: existingTopic
    vaultName: vaultName
    tokenSecrets: tokenSecrets
    workspaceId: logs.outputs.id
    actionGroupId: alerts.outputs.actionGroupId
    tags: tags
  }
  dependsOn: [vault]
}

@description('What the job signs in as: what an app registration trusts as a federated credential (subject), and its client id.')
output identityPrincipalId string = identity.outputs.principalId
output identityClientId string = identity.outputs.clientId

@description('The first thing to do, at the Azure CLI, by one of consentPrincipals; then the same for each other token of the configuration.')
output firstConsent string = 'rotator consent ${firstToken} --config rotator.toml'

@description('Then one run by hand. Event Grid sees only versions that are stored after its subscription was made: those of a consent, and others from their next rotation on, within seven days.')
output firstRun string = 'az containerapp job start --name ${job.outputs.name} --resource-group ${resourceGroup().name}'
