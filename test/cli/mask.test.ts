import { expect, test } from 'vitest';
import { countSecrets, maskSecrets } from '../../src/cli/commands/approvals/mask.ts';

const AB = 'aB1'.repeat(60);
const SECRETS = {
  palyra: `palyra_${AB.slice(0, 49)}`,
  'an invitation': `palyrai_${AB.slice(0, 49)}`,
  GitHub: `ghp_${AB.slice(0, 36)}`,
  'a fine-grained GitHub token': `github_pat_${AB.slice(0, 22)}_${AB.slice(0, 59)}`,
  Slack: `xoxb-1234567890-1234567890123-${AB.slice(0, 24)}`,
  AWS: 'AKIAIOSFODNN7EXAMPLE',
  OpenAI: `sk-${AB.slice(0, 20)}T3BlbkFJ${AB.slice(0, 20)}`,
  'an OpenAI project': `sk-proj-${AB.slice(0, 74)}T3BlbkFJ${AB.slice(0, 74)}`,
  Anthropic: `sk-ant-api03-${AB.slice(0, 93)}AA`,
  'a JSON web token': `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJvcHMifQ.${AB.slice(0, 43)}`,
};

test.each(Object.entries(SECRETS))('a secret of %s that stands alone is masked, and nothing else', (_, secret) => {
  const masked = `${secret.slice(0, 4)}[${secret.length - 4} more characters, masked]`;
  for (const frame of [
    ['', ''],
    ['Authorization: Bearer ', ''],
    ['{"token":"', '"}'],
    ['TOKEN=', ' make'],
    ['-u ops:', ''],
    ["'", "'"],
    ['a,', ',b'],
    ['"{\\"token\\":\\"', '\\"}"'],
  ] as const) {
    expect(maskSecrets(frame.join(secret))).toBe(frame.join(masked));
    expect(countSecrets(frame.join(secret))).toBe(1);
  }
});

test.each([
  ...Object.values(SECRETS).flatMap((secret) => [
    `/srv/${secret}`,
    `/srv/${secret}/x`,
    `${secret}/x`,
    `https://${secret}.evil.example`,
    `https://${secret}@evil.example`,
    `https://ops:${secret}@evil.example/`,
    `https://evil.example/?a=${secret}&b`,
    `${secret}.evil.example`,
    `x${secret}`,
    `${secret}-and-more`,
  ]),
  '/srv/sk-aaaaDELETE-PRODUCTION-DATABASE-NOW-000000',
  'sk-aaaaDELETE-PRODUCTION-DATABASE-NOW-000000',
  '{"cmd":"sh sk-rm-everything-below-srv-and-then-some-more"}',
  `ghp_${AB.slice(0, 35)}`,
  `ghp_${AB.slice(0, 37)}`,
])('what is a part of a path, a host or a word, or only begins like a secret, is shown: %s', (text) => {
  expect(maskSecrets(text)).toBe(text);
});
