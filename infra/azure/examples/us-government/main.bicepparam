using '../../main.bicep'

param location = 'usgovvirginia'
param vaultName = 'contoso-rotator-kv'
// az acr show --name <registry> --query loginServer, and --query id: the job's identity gets the right to pull.
param image = 'registry.example/rotator:0.1.0'
param registryId = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rotator/providers/Microsoft.ContainerRegistry/registries/contoso'
param configuration = loadTextContent('rotator.toml')
param tokenSecrets = ['contoso-graph-refresh-token']
param alertMails = ['identity-team@contoso.example']
param consentPrincipals = ['00000000-0000-0000-0000-0000000000a1']
