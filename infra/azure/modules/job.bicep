// The scheduled job. It signs in by its identity; what is stored with it is its configuration, which holds no secret.
@description('Name of the job.')
param name string
@description('Where it is.')
param location string
@description('The image.')
param image string
@description('Resource id of the registry that the image is pulled from; empty for a public one.')
param registryId string
@description('Resource id of the identity.')
param identityId string
@description('Client id of the identity.')
param identityClientId string
@description('The text of rotator.toml.')
param configuration string
@description('When it runs: five fields of cron, in UTC.')
param schedule string
@description('Resource id of the workspace that logs go to.')
param workspaceId string
@description('Tags.')
param tags object

// So long a run may take, in seconds; killing it comes later, so that it can end by itself.
var deadline = 300
var registries = empty(registryId) ? [] : [{ server: split(image, '/')[0], identity: identityId }]

resource environment 'Microsoft.App/managedEnvironments@2026-01-01' = {
  name: '${name}-environment'
  location: location
  tags: tags
  properties: {
    appLogsConfiguration: { destination: 'azure-monitor' }
    workloadProfiles: [{ name: 'Consumption', workloadProfileType: 'Consumption' }]
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'rotator'
  scope: environment
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'ContainerAppConsoleLogs', enabled: true }
      { category: 'ContainerAppSystemLogs', enabled: true }
    ]
  }
}

resource job 'Microsoft.App/jobs@2026-01-01' = {
  name: name
  location: location
  tags: tags
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Schedule'
      scheduleTriggerConfig: { cronExpression: schedule, parallelism: 1, replicaCompletionCount: 1 }
      replicaTimeout: deadline + 120
      // What passes is tried again by the next run; what does not must not be tried again.
      replicaRetryLimit: 0
      registries: registries
      identitySettings: [{ identity: identityId, lifecycle: 'Main' }]
      secrets: [{ name: 'configuration', value: configuration }]
    }
    template: {
      containers: [
        {
          name: 'rotator'
          image: image
          args: ['run', '--config', '/etc/rotator/rotator.toml', '--deadline', '${deadline}s']
          env: [
            { name: 'AZURE_CLIENT_ID', value: identityClientId }
            { name: 'ROTATOR_LOG_FORMAT', value: 'json' }
          ]
          resources: { cpu: json('0.25'), memory: '0.5Gi' }
          volumeMounts: [{ volumeName: 'configuration', mountPath: '/etc/rotator' }]
        }
      ]
      volumes: [
        {
          name: 'configuration'
          storageType: 'Secret'
          secrets: [{ secretRef: 'configuration', path: 'rotator.toml' }]
        }
      ]
    }
  }
}

output name string = job.name
