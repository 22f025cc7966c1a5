/** What has the shape of a secret of palyra, GitHub, Slack, AWS, OpenAI and the like, or of a JSON web token. */
const SECRET =
  /palyrai?_[0-9A-Za-z_-]{32,}|gh[opsur]_[0-9A-Za-z]{36,}|github_pat_[0-9A-Za-z_]{50,}|xox[abprs]-[0-9A-Za-z-]{20,}|AKIA[0-9A-Z]{16}|sk-[0-9A-Za-z_-]{32,}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/g;

/** A text without its secrets: their beginning and length stay. Nothing else of it is ever hidden. */
export function maskSecrets(text: string): string {
  return text.replace(SECRET, (secret) => `${secret.slice(0, 4)}[${secret.length - 4} more characters, masked]`);
}

/** How many secrets would be masked. */
export function countSecrets(text: string): number {
  return (text.match(SECRET) ?? []).length;
}
