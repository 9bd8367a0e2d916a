/** What can go wrong between a request and its answer, as a code; messages never quote what was sent or received. */

export type HttpClientCode =
  /** No connection within its time. Nothing was sent. */
  | 'CONNECT_TIMEOUT'
  /** The server closed the connection before its answer was complete. */
  | 'CLOSED_BY_SERVER'
  /** The head of the answer is larger than `clientLimits.headBytes`. */
  | 'HEAD_TOO_LARGE'
  /** The client was closed, or cut. */
  | 'CLIENT_CLOSED'
  /** A path or a request header that HTTP does not allow. Nothing was sent. */
  | 'BAD_REQUEST_HEADER'
  | AnswerFault;

/** How an answer breaks HTTP/1.1 (RFC 9112). The connection is of no use afterwards. */
export type AnswerFault =
  | 'HTTP_STATUS_LINE'
  | 'HTTP_HEADER'
  /** Lengths that contradict each other or are none: two readers could disagree where the answer ends. */
  | 'HTTP_LENGTH'
  | 'HTTP_TRANSFER_ENCODING'
  | 'HTTP_CHUNK'
  | 'HTTP_TRAILER'
  /** A switch of protocols, or interim answers without end. */
  | 'HTTP_INTERIM';

export class HttpClientError extends Error {
  readonly code: HttpClientCode;

  constructor(code: HttpClientCode) {
    super(code);
    this.code = code;
  }
}
