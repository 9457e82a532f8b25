using '../../main.bicep'

param location = 'usgovvirginia'
param vaultName = 'contoso-rotator-kv'
param image = 'registry.example/rotator:0.1.0'
param configuration = loadTextContent('rotator.toml')
param tokenSecrets = ['contoso-graph-refresh-token']
param alertMails = ['identity-team@contoso.example']
param consentPrincipals = ['00000000-0000-0000-0000-0000000000a1']
