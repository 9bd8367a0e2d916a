/** Secrets known by their shape alone, wherever they stand. One row each, so that a new vendor is one line and one corpus entry. */
export const mask = '[masked]';

/** Not inside a longer word: `task-...` is no `sk-...`. */
const startsHere = '(?<![A-Za-z0-9])';

const tokenShapes: readonly string[] = [
  'eyJ[\\w-]{4,4096}\\.[\\w-]{4,8192}(?:\\.[\\w-]{0,4096}){0,3}', // JWT, signed or encrypted
  'sk-[\\w-]{16,256}', // OpenAI, Anthropic, OpenRouter, DeepSeek
  '[srp]k_(?:live|test)_\\w{10,256}', // Stripe
  'whsec_[\\w+/=]{10,256}',
  'gh[opsur]_\\w{20,256}', // GitHub
  'github_pat_\\w{20,256}',
  'gl(?:pat|dt|rt|ptt|cbt|soat|ft|imt|agent)-[\\w-]{16,256}', // GitLab
  'xox[abceoprs]-[\\w-]{10,256}', // Slack
  'xapp-[\\w-]{10,256}',
  'A(?:KIA|SIA|ROA|IDA)[A-Z0-9]{16}', // AWS
  'AIza[\\w-]{30,64}', // Google
  'ya29\\.[\\w-]{10,1024}',
  '1//0[\\w-]{20,512}',
  'npm_\\w{20,128}',
  'pypi-[\\w-]{20,512}',
  'hf_\\w{16,128}', // Hugging Face
  'SG\\.[\\w-]{10,64}\\.[\\w-]{10,128}', // SendGrid
  'shp(?:at|ca|pa|ss)_\\w{16,128}', // Shopify
  'do[opr]_v1_\\w{16,128}', // DigitalOcean
  'sq0(?:atp|csp|idp)-[\\w-]{16,128}', // Square
  'hv[sbr]\\.[\\w-]{16,512}', // Vault
  '(?:ntn|lin_api|lin_oauth|sbp|gsk|r8|dckr_pat|figd|vercel|ops|fo1|fm2)_[\\w-]{16,512}',
  'PMAK-[\\w-]{16,128}', // Postman
  '(?:pplx|xai|tvly|figd|dapi|key)-[A-Za-z0-9-]{20,256}',
  'ATATT[\\w=-]{16,512}', // Atlassian
  'EAA[A-Za-z0-9]{30,512}', // Meta
  'AGE-SECRET-KEY-1[A-Z0-9]{20,128}',
  'atlasv1\\.[\\w=-]{16,256}',
  '(?:SK|AC)[0-9a-f]{32}', // Twilio
  '\\d{8,10}:AA[\\w-]{30,64}', // Telegram bots
];

const tokens = new RegExp(`${startsHere}(?:${tokenShapes.join('|')})`, 'g');
const schemes = /\b(bearer|basic|digest|negotiate|apikey)\s{1,4}(?![\s"'])[\w.~+/=:-]{8,8192}/gi;
const keyBlocks =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY( BLOCK)?-----(?:[^-"\\]|\\{1,7}[nr]|-(?!----END)){0,16384}(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY( BLOCK)?-----)?/g;
const webhooks =
  /(hooks\.slack\.com\/(?:services|workflows|triggers)|discord(?:app)?\.com\/api\/webhooks|webhook\.office\.com\/webhookb2)\/[\w/@.-]{8,512}/g;
const userInfo = /(:\/\/)(?:[^\s/@:"'\\<>]{0,256}:[^\s/@"'\\<>]{1,512}|[^\s/@:"'\\<>]{12,512})@/g;
const emails = /(?<![\w.%+-])[\w.%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])/g;
const cards = /(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w-])/g;

export function maskShapes(text: string): string {
  let masked = text;
  if (masked.includes('PRIVATE KEY')) masked = masked.replace(keyBlocks, mask);
  masked = masked.replace(schemes, `$1 ${mask}`).replace(tokens, mask);
  if (masked.includes('://') || masked.includes('hooks')) {
    masked = masked.replace(webhooks, `$1/${mask}`).replace(userInfo, `$1${mask}@`);
  }
  if (masked.includes('@')) masked = masked.replace(emails, mask);
  return masked.replace(cards, (digits: string, at: number) =>
    isCardNumber(digits) ? replaceNumber(masked, at, digits) : digits,
  );
}

/** A bare JSON number becomes a JSON string, so that the line still parses. */
function replaceNumber(text: string, at: number, digits: string): string {
  const bare =
    /[:,[]\s?$/.test(text.slice(Math.max(0, at - 2), at)) &&
    /^\s?[,}\]]/.test(text.slice(at + digits.length, at + digits.length + 2));
  if (!bare) return mask;
  const escapes = /(\\*)"\s?[:,[]\s?$|(\\*)"[^"]{0,64}$/.exec(text.slice(Math.max(0, at - 80), at));
  const slashes = escapes?.[1] ?? '';
  return `${slashes}"${mask}${slashes}"`;
}

/** Issuer prefix, length and Luhn: a time stamp or an id alone is no card. */
export function isCardNumber(text: string): boolean {
  const digits = text.replace(/[ -]/g, '');
  if (!issuer(digits)) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    let digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    if (i % 2 === 1) {
      digit *= 2;
      if (digit > 9) digit -= 9;
    }
    sum += digit;
  }
  return sum % 10 === 0;
}

function issuer(digits: string): boolean {
  const length = digits.length;
  if (/^4/.test(digits)) return length === 13 || length === 16 || length === 19;
  if (/^3[47]/.test(digits)) return length === 15;
  if (/^3(?:0[0-5]|[689])/.test(digits)) return length === 14;
  if (/^35/.test(digits)) return length === 16;
  if (/^(?:5[1-5]|2(?:2[2-9]|[3-6]|7[01]|720))/.test(digits)) return length === 16;
  return /^6(?:011|2|4[4-9]|5)/.test(digits) && length >= 16;
}
