/** The exact shapes of secrets. Anything longer, shorter or of other characters is somebody's words, and is shown. */
const SHAPES = [
  'palyrai?_[0-9A-Za-z]{49}',
  // GitHub
  'gh[opsur]_[0-9A-Za-z]{36}',
  'github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}',
  // Slack
  'xox[abprs]-(?:[0-9]{10,13}-){1,3}[0-9A-Za-z]{24,32}',
  // AWS
  'AKIA[2-7A-Z]{16}',
  // OpenAI and Anthropic
  'sk-[0-9A-Za-z]{20}T3BlbkFJ[0-9A-Za-z]{20}',
  'sk-(?:proj|svcacct|admin)-(?:[\\w-]{58}T3BlbkFJ[\\w-]{58}|[\\w-]{74}T3BlbkFJ[\\w-]{74})',
  'sk-ant-[a-z]+[0-9]{2}-[\\w-]{93}AA',
  // a JSON web token: header and claims are JSON objects, the signature is as long as an algorithm makes it
  'eyJ[\\w-]{8,}\\.eyJ[\\w-]{8,}\\.(?:[\\w-]{43}|[\\w-]{64}|[\\w-]{86}|[\\w-]{342}|[\\w-]{512}|[\\w-]{683})',
];

/**
 * A secret that stands alone as a value: between quotes, blanks, commas, or after `=` or `:`. Where it is a part of a path, a
 * host or a longer word, it says where something goes, and is shown.
 */
const SECRET = new RegExp(`(?<=^|["'\`\\s=:,])(?:${SHAPES.join('|')})(?=$|["'\`\\s,]|\\\\["nrt])`, 'g');

/** A text without its secrets: their beginning and length stay. Nothing else of it is ever hidden. */
export function maskSecrets(text: string): string {
  return text.replace(SECRET, (secret) => `${secret.slice(0, 4)}[${secret.length - 4} more characters, masked]`);
}

/** How many secrets would be masked. */
export function countSecrets(text: string): number {
  return (text.match(SECRET) ?? []).length;
}
