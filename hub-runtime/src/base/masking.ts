/**
 * Masks secrets in text on its way to a sink: logs, status pages, error messages of children (EF-72, HT-1.08).
 *
 * Runs on whole log lines. A text with nothing suspicious costs one regular expression test and comes back as it is. Otherwise, in order:
 * private key blocks, values of keys that name a secret (JSON, JSON inside JSON, headers, KEY=value, flags, XML, name/value pairs),
 * tokens known by their shape, credentials in URLs, e-mail addresses, card numbers that pass Luhn.
 * A masked JSON text stays JSON. It never throws, never looks at meaning beyond this, and every pattern is bounded, so its time is linear.
 * It is the second net: what may be logged at all is chosen by whoever logs.
 */
import { maskKeyedValues } from './masking-keys.ts';
import { maskShapes } from './masking-shapes.ts';

const suspicious =
  /token|secret|passw|passphrase|passcode|pwd|(?:api|access|private|account|signing|encryption|shared)[-_. ]?key|auth[^o]|authoriz|cookie|credential|signature|[?&;]sig=|session[-_]id|connection[-_]?string|bearer|basic |digest |negotiate |apikey |1\/\/0|\d:AA|ey[IJ]|PRIVATE|\b(?:[srp]k|gh[opsur]|xox[a-z]|xapp|gl[a-z]{2,4}|A[KS]IA|AIza|ya29|npm|pypi|hf|SG|shp|dop|sq0|hv[sbr]|ntn|lin|figd|PMAK|dckr|sbp|whsec|gsk|r8|pplx|xai|tvly|key|AGE|EAA|github|ops|oci|do|at|vercel|ATATT|AccountKey|SK|AC)[-_0-9A-Z.]|@|hooks|(?:\d[ -]?){13}/i;

/** The text with every recognised secret replaced by `[masked]`. */
export function maskSecrets(text: string): string {
  if (!suspicious.test(text)) return text;
  return maskShapes(maskKeyedValues(text));
}
