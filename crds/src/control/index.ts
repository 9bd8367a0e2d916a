/** What operator and hubs say to each other: the document in the config Secret, the messages of the control stream. */
export { bridgeSecretFiles, credentialKey, hubDocument, hubSecretFiles, maxDocumentBytes } from './hub-document.ts';
export type { HubDocument, ServerAddress } from './hub-document.ts';
export {
  controlClose,
  controlPath,
  controlPort,
  controlProtocol,
  maxControlFrameBytes,
  maxHubFrameBytes,
} from './messages.ts';
export type {
  AckMessage,
  ConfigMessage,
  CredentialsMessage,
  EndpointsMessage,
  HelloMessage,
  HubLoad,
  HubMessage,
  OperatorMessage,
  PeersMessage,
  ReportMessage,
  ServerEndpoint,
  ServerReport,
} from './messages.ts';
export { readHubMessage, readOperatorMessage } from './read-message.ts';
export type { Read } from './read-message.ts';
