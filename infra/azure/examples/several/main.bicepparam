using '../../main.bicep'

param name = 'rotator'
param vaultName = 'contoso-rotator-kv'
param vaultExists = true
// If the vault has an Event Grid system topic: az eventgrid system-topic list --query "[?contains(source, '<vault>')].name"
param existingTopic = ''
// az acr show --name <registry> --query loginServer, and --query id: the job's identity gets the right to pull.
param image = 'registry.example/rotator:0.1.0'
param registryId = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/images/providers/Microsoft.ContainerRegistry/registries/contoso'
param configuration = loadTextContent('rotator.toml')
param tokenSecrets = [
  'contoso-partner-refresh-token'
  'contoso-arm-refresh-token'
  'fabrikam-graph-refresh-token'
]
param schedule = '17 5 * * *'
param alertMails = ['identity-team@contoso.example']
param alertWebhooks = ['https://alerts.contoso.example/azure']
param consentPrincipals = ['00000000-0000-0000-0000-0000000000a1']
param statusPrincipals = ['00000000-0000-0000-0000-0000000000a2']
param logDays = 365
param tags = { owner: 'identity team' }
