"""The part of the provider's GraphQL schema that concerns pods."""

SDL = """
scalar DateTime
scalar Port
scalar Void
enum CloudTypeEnum { ALL SECURE COMMUNITY }
input EnvironmentVariableInput { key: String!  value: String! }
input PodFindAndDeployOnDemandInput {
  allowedCudaVersions: [String]  cloudType: CloudTypeEnum  containerDiskInGb: Int
  containerRegistryAuthId: String  countryCode: String  dataCenterId: String  dockerArgs: String
  env: [EnvironmentVariableInput]  gpuCount: Int  gpuTypeId: String  imageName: String
  instanceId: String  minCudaVersion: String  minDownload: Int  minMemoryInGb: Int  minUpload: Int
  minVcpuCount: Int  name: String  networkVolumeId: String  ports: String  startJupyter: Boolean
  startSsh: Boolean  stopAfter: DateTime  supportPublicIp: Boolean  templateId: String
  terminateAfter: DateTime  volumeInGb: Float  volumeMountPath: String
}
input PodFilter { podId: String! }
input PodStopInput { podId: String! }
input PodTerminateInput { podId: String! }
input PodResumeInput { podId: String!  gpuCount: Int  allowedCudaVersions: [String] }
input GpuTypeFilter { id: String }
input GpuLowestPriceInput { gpuCount: Int!  secureCloud: Boolean }
input UpdateUserSettingsInput { pubKey: String }
type LowestPrice {
  minimumBidPrice: Float  uninterruptablePrice: Float  stockStatus: String
}
type GpuType {
  id: String  displayName: String  memoryInGb: Int  maxGpuCount: Int  manufacturer: String
  cudaCores: Int  secureCloud: Boolean  communityCloud: Boolean  securePrice: Float
  communityPrice: Float  oneMonthPrice: Float  threeMonthPrice: Float  oneWeekPrice: Float
  communitySpotPrice: Float  secureSpotPrice: Float
  lowestPrice(input: GpuLowestPriceInput): LowestPrice
}
type PodRuntimePorts {
  ip: String  isIpPublic: Boolean  privatePort: Int  publicPort: Int  type: String
}
type PodRuntime { ports: [PodRuntimePorts]  uptimeInSeconds: Int }
type PodMachineInfo {
  gpuDisplayName: String  podHostId: String  location: String  dataCenterId: String
}
type Pod {
  id: String!  name: String  containerDiskInGb: Int  containerRegistryAuthId: String
  costPerHr: Float  createdAt: DateTime  desiredStatus: String  dockerArgs: String
  dockerId: String  env: [String]  gpuCount: Int  imageName: String  lastStatusChange: String
  machineId: String  memoryInGb: Float  podType: String  port: Port  ports: String
  uptimeSeconds: Int  vcpuCount: Float  volumeInGb: Float  volumeMountPath: String
  runtime: PodRuntime  machine: PodMachineInfo
}
type NetworkVolume { id: String  name: String  size: Int  dataCenterId: String }
type PodTemplate { id: String  name: String  containerRegistryAuthId: String }
type ContainerRegistryAuth { id: String  name: String }
type User {
  id: String  pubKey: String  email: String  clientBalance: Float  currentSpendPerHr: Float
  networkVolumes: [NetworkVolume]  pods: [Pod]  podTemplates: [PodTemplate]
  containerRegistryCreds: [ContainerRegistryAuth]
}
type Query {
  myself: User
  pod(input: PodFilter): Pod
  gpuTypes(input: GpuTypeFilter): [GpuType]
}
type Mutation {
  podFindAndDeployOnDemand(input: PodFindAndDeployOnDemandInput): Pod
  deployCpuPod(input: PodFindAndDeployOnDemandInput): Pod
  podStop(input: PodStopInput!): Pod
  podResume(input: PodResumeInput!): Pod
  podTerminate(input: PodTerminateInput!): Void
  updateUserSettings(input: UpdateUserSettingsInput): User
}
"""
