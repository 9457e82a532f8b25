using '../../main.bicep'

param vaultName = 'contoso-rotator-kv'
param image = 'registry.example/rotator:0.1.0'
param configuration = loadTextContent('rotator.toml')
param tokenSecrets = ['contoso-partner-refresh-token']
param alertMails = ['identity-team@contoso.example']
// az ad signed-in-user show --query id
param consentPrincipals = ['00000000-0000-0000-0000-0000000000a1']
