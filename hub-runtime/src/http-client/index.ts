export type { AnswerHead } from './answer-head.ts';
export { AnswerParser } from './answer-parser.ts';
export { HttpClient, type HttpClientOptions, type HttpClientStats } from './client.ts';
export type { AnswerHandler, ClientRequest, RequestControl, Withdrawal } from './exchange.ts';
export { isFieldName, isFieldValue } from './field-syntax.ts';
export { headerLines } from './header-lines.ts';
export { clientLimits } from './limits.ts';
