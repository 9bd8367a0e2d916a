/**
 * Planted secrets for tests: every value is made up from pieces at run time (no scanner of repositories takes them for real ones), and every
 * entry says which characters must never be seen in a sink.
 */
export interface PlantedSecret {
  readonly title: string;
  /** The text as somebody logs it. */
  readonly text: string;
  /** What must not survive. */
  readonly secret: string;
}

const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';

/** Looks random, is not: the same pieces in every run. */
function letters(count: number, seed: number, from = alphabet): string {
  let state = (seed * 2_654_435_761) >>> 0;
  let text = '';
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += from[(state >>> 16) % from.length];
  }
  return text;
}

const hex = '0123456789abcdef';
const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const join = (...parts: string[]): string => parts.join('');

/** Recognised by shape, wherever they stand. */
const shaped: readonly (readonly [string, string])[] = [
  ['OpenAI', join('sk', '-', letters(48, 1))],
  ['OpenAI project', join('sk', '-proj-', letters(40, 2))],
  ['Anthropic', join('sk', '-ant-api03-', letters(60, 3), '-', letters(8, 4), 'AA')],
  ['Stripe live', join('sk', '_live_', letters(24, 5))],
  ['Stripe restricted', join('rk', '_test_', letters(24, 6))],
  ['Stripe webhook', join('wh', 'sec_', letters(32, 7))],
  ['GitHub classic', join('gh', 'p_', letters(36, 8))],
  ['GitHub OAuth', join('gh', 'o_', letters(36, 9))],
  ['GitHub server', join('gh', 's_', letters(36, 10))],
  ['GitHub fine-grained', join('github', '_pat_', letters(22, 11), '_', letters(59, 12))],
  ['GitLab', join('gl', 'pat-', letters(20, 13))],
  ['GitLab runner', join('gl', 'rt-', letters(20, 14))],
  ['Slack bot', join('xo', 'xb-', letters(12, 15, '0123456789'), '-', letters(24, 16))],
  ['Slack user', join('xo', 'xp-', letters(12, 17, '0123456789'), '-', letters(24, 18))],
  ['Slack app', join('xa', 'pp-1-', letters(11, 19, upper), '-', letters(40, 20, hex))],
  ['AWS access key', join('AK', 'IA', letters(16, 21, upper))],
  ['AWS temporary key', join('AS', 'IA', letters(16, 22, upper))],
  ['Google API key', join('AI', 'za', letters(35, 23))],
  ['Google OAuth', join('ya', '29.', letters(80, 24))],
  ['Google refresh', join('1/', '/0', letters(60, 25))],
  ['npm', join('np', 'm_', letters(36, 26))],
  ['PyPI', join('py', 'pi-', letters(80, 27))],
  ['Hugging Face', join('h', 'f_', letters(34, 28))],
  ['SendGrid', join('S', 'G.', letters(22, 29), '.', letters(43, 30))],
  ['Shopify', join('shp', 'at_', letters(32, 31, hex))],
  ['DigitalOcean', join('do', 'p_v1_', letters(64, 32, hex))],
  ['Square', join('sq0', 'atp-', letters(22, 33))],
  ['Vault', join('hv', 's.', letters(24, 34))],
  ['Notion', join('nt', 'n_', letters(40, 35))],
  ['Linear', join('lin', '_api_', letters(40, 36))],
  ['Groq', join('gs', 'k_', letters(48, 37))],
  ['Replicate', join('r', '8_', letters(37, 38))],
  ['Docker', join('dckr', '_pat_', letters(27, 39))],
  ['Postman', join('PM', 'AK-', letters(24, 40, hex), '-', letters(34, 41, hex))],
  ['Perplexity', join('pp', 'lx-', letters(48, 42))],
  ['xAI', join('xa', 'i-', letters(60, 43))],
  ['Tavily', join('tv', 'ly-', letters(32, 44))],
  ['Mailgun', join('ke', 'y-', letters(32, 45, hex))],
  ['Atlassian', join('ATA', 'TT3x', letters(60, 46), '=', letters(8, 47, upper))],
  ['age', join('AGE-SECRET', '-KEY-1', letters(58, 48, upper))],
  ['Twilio', join('S', 'K', letters(32, 49, hex))],
  ['Telegram', join(letters(9, 50, '123456789'), ':A', 'A', letters(33, 51))],
  ['Terraform', join('atlas', 'v1.', letters(60, 52))],
  ['JWT', join('ey', 'J', letters(30, 53), '.', 'eyJ', letters(60, 54), '.', letters(43, 55))],
  [
    'JWE',
    join(
      'ey',
      'J',
      letters(30, 56),
      '.',
      letters(40, 57),
      '.',
      letters(16, 58),
      '.',
      letters(40, 59),
      '.',
      letters(22, 60),
    ),
  ],
];

/** Only their name gives them away. */
const named: readonly (readonly [string, string])[] = [
  ['password', 'correct horse battery'],
  ['passwd', 'Tr0ub4dor&3'],
  ['db_password', letters(12, 70)],
  ['DATABASE_PASSWORD', letters(14, 71)],
  ['token', letters(20, 72)],
  ['access_token', letters(24, 73)],
  ['refreshToken', letters(24, 74)],
  ['id_token', letters(24, 75)],
  ['api_key', letters(20, 76)],
  ['apiKey', letters(20, 77)],
  ['X-Api-Key', letters(20, 78)],
  ['API-KEY', letters(20, 79)],
  ['client_secret', letters(28, 80)],
  ['clientSecret', letters(28, 81)],
  ['AWS_SECRET_ACCESS_KEY', letters(40, 82)],
  ['secret', letters(9, 83)],
  ['privateKey', letters(30, 84)],
  ['private_key', letters(30, 85)],
  ['passphrase', letters(16, 86)],
  ['cookie', join('sid=', letters(24, 87))],
  ['set-cookie', join('sid=', letters(24, 88), '; Path=/; HttpOnly')],
  ['Authorization', join('Bearer ', letters(24, 89))],
  ['proxy-authorization', join('Basic ', letters(24, 90))],
  ['credentials', letters(18, 91)],
  ['AccountKey', join(letters(40, 92), '==')],
  ['X-Amz-Signature', letters(64, 93, hex)],
  ['mcp-session-id', letters(44, 94)],
  ['encryption_key', letters(32, 95, hex)],
  ['connectionString', join('Server=db;Pwd=', letters(10, 96))],
  ['_auth', letters(28, 97)],
];

const cardNumbers = [
  '4111111111111111',
  '5555555555554444',
  '378282246310005',
  '6011111111111117',
  '30569309025904',
  '3530111333300000',
  '4222222222222',
  '2223003122003222',
];

/** How people and programs write a secret down. Each takes a name and a value without quotes in it. */
const notations: readonly (readonly [string, (name: string, value: string) => string])[] = [
  ['JSON', (name, value) => JSON.stringify({ level: 30, [name]: value, after: 'kept' })],
  ['JSON inside JSON', (name, value) => JSON.stringify({ msg: JSON.stringify({ [name]: value, after: 'kept' }) })],
  [
    'JSON inside JSON inside JSON',
    (name, value) => JSON.stringify({ msg: JSON.stringify({ body: JSON.stringify({ [name]: value }) }) }),
  ],
  ['JSON array', (name, value) => JSON.stringify({ headers: { [name]: [value, value] } })],
  ['name and value pair', (name, value) => JSON.stringify({ env: [{ name, value }] })],
];

function build(): readonly PlantedSecret[] {
  const all: PlantedSecret[] = [];
  for (const [name, secret] of shaped) {
    all.push({ title: `${name} in a sentence`, text: `upstream said: cannot use ${secret} here`, secret });
    all.push({ title: `${name} in a JSON value`, text: JSON.stringify({ msg: 'x', note: `(${secret})` }), secret });
    all.push({ title: `${name} in a URL`, text: `GET https://example.test/v1?q=${secret}&x=1`, secret });
  }
  for (const [name, value] of named) {
    for (const [notation, write] of notations) {
      all.push({ title: `${name} as ${notation}`, text: write(name, value), secret: significant(value) });
    }
  }
  for (const [name, value] of named.filter(([, text]) => !/[\s;&]/.test(text))) {
    all.push({ title: `${name} as environment`, text: `PATH=/bin ${name}=${value} HOME=/root`, secret: value });
    all.push({ title: `${name} as YAML`, text: `env:\n  ${name}: ${value}\n  other: kept`, secret: value });
    all.push({ title: `${name} as query`, text: `GET /cb?${name}=${value}&state=kept`, secret: value });
    all.push({ title: `${name} as flag`, text: `spawn server --${name}=${value} --verbose`, secret: value });
    all.push({ title: `${name} as flag and word`, text: `spawn server --${name} ${value} --verbose`, secret: value });
    all.push({
      title: `${name} in an argument list`,
      text: JSON.stringify({ args: [`--${name}`, value, '--verbose'] }),
      secret: value,
    });
    all.push({ title: `${name} as XML`, text: `<c><${name}>${value}</${name}></c>`, secret: value });
  }
  for (const scheme of ['Bearer', 'bearer', 'Basic', 'Digest']) {
    const secret = letters(28, 120 + scheme.length);
    all.push({ title: `${scheme} without a key`, text: `sent ${scheme} ${secret} upstream`, secret });
    all.push({ title: `${scheme} header line`, text: `authorization: ${scheme} ${secret}\r\nhost: kept`, secret });
    all.push({
      title: `${scheme} raw header list`,
      text: JSON.stringify(['host', 'kept', 'authorization', `${scheme} ${secret}`]),
      secret,
    });
  }
  for (const [index, digits] of cardNumbers.entries()) {
    all.push({ title: `card ${index} plain`, text: `paid with ${digits} today`, secret: digits });
    all.push({
      title: `card ${index} grouped`,
      text: `card ${digits.replace(/(\d{4})(?=\d)/g, '$1 ')}.`,
      secret: digits.slice(4, 8) + ' ',
    });
    all.push({ title: `card ${index} as JSON number`, text: `{"n":${digits},"after":"kept"}`, secret: digits });
  }
  for (const [index, scheme] of ['https', 'postgres', 'redis', 'amqp', 'mongodb+srv'].entries()) {
    const secret = letters(14, 140 + index);
    all.push({
      title: `${scheme} URL with password`,
      text: `connecting to ${scheme}://user:${secret}@db.example.test:5432/x`,
      secret,
    });
    all.push({
      title: `${scheme} URL with token`,
      text: JSON.stringify({ url: `${scheme}://${secret}@example.test/x` }),
      secret,
    });
  }
  for (const kind of ['', 'RSA ', 'EC ', 'OPENSSH ', 'ENCRYPTED ']) {
    const secret = letters(64, 160 + kind.length);
    const block = `-----BEGIN ${kind}PRIVATE KEY-----\n${secret}\n${letters(64, 170)}\n-----END ${kind}PRIVATE KEY-----`;
    all.push({ title: `${kind}key block`, text: `read ${block} from disk`, secret });
    all.push({ title: `${kind}key block in JSON`, text: JSON.stringify({ msg: block, after: 'kept' }), secret });
    all.push({ title: `${kind}key block cut off`, text: block.slice(0, 80), secret: secret.slice(0, 30) });
  }
  for (const mail of ['ada.lovelace@example.test', 'x+tag@mail.sub.example.org', 'a_b%c@example.museum']) {
    all.push({ title: `e-mail ${mail}`, text: `user ${mail} signed in`, secret: mail });
    all.push({ title: `e-mail ${mail} in JSON`, text: JSON.stringify({ sub: mail }), secret: mail });
  }
  const hook = letters(24, 180);
  all.push({ title: 'Slack webhook', text: `POST https://hooks.slack.com/services/T000/B000/${hook}`, secret: hook });
  all.push({ title: 'Discord webhook', text: `POST https://discord.com/api/webhooks/123456/${hook}`, secret: hook });
  return all;
}

/** The part of a value that alone would be harm: without scheme and attributes. */
function significant(value: string): string {
  return value.replace(/^(?:Bearer|Basic|sid=|Server=db;Pwd=)\s?/, '').replace(/;.*$/, '');
}

export const plantedSecrets: readonly PlantedSecret[] = build();
