/** Unreadable messages, and messages against the rules of 2026-07-28, as the errors of the table with the codes the specification fixes. */
import { type ErrorOutcome, hubError } from '../exchange/index.ts';
import { type ClassifyFault, rpcCode, type ScanFault } from '../wire/index.ts';

export function faultError(fault: ScanFault): ErrorOutcome {
  switch (fault.fault) {
    case 'syntax':
      return hubError('QM_BAD_JSON', { reason: fault.message });
    case 'params':
      return { ...hubError('QM_BAD_MESSAGE', { reason: fault.message }), code: rpcCode.invalidParams };
    case 'shape':
    case 'limit':
    case 'batch':
      return hubError('QM_BAD_MESSAGE', { reason: fault.message });
  }
}

export function classifyError(fault: ClassifyFault): ErrorOutcome {
  switch (fault.code) {
    case rpcCode.headerMismatch:
      return hubError('QM_HEADER_MISMATCH', { reason: fault.message });
    case rpcCode.unsupportedVersion:
      return {
        kind: 'error',
        origin: 'hub',
        code: fault.code,
        message: fault.message,
        // Fixed by the specification: the versions offered and the one asked for.
        data: fault.data,
        errorCode: 'QM_UNSUPPORTED_VERSION',
        httpStatus: 400,
      };
    default:
      return hubError('QM_BAD_ENVELOPE', { reason: fault.message });
  }
}
