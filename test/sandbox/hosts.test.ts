import { describe, expect, test } from 'vitest';
import { PalyraError } from '../../src/errors.ts';
import {
  canonicalHost,
  destinationText,
  isPublicAddress,
  matchDestination,
  parseAuthority,
  parseHostRules,
} from '../../src/sandbox/hosts.ts';

describe('a host is read as a client would dial it', () => {
  test.each([
    ['example.org', 'name', 'example.org'],
    ['EXAMPLE.Org', 'name', 'example.org'],
    ['example.org.', 'name', 'example.org'],
    ['localhost', 'name', 'localhost'],
    ['münchen.example', 'name', 'xn--mnchen-3ya.example'],
    ['ｅxample.org', 'name', 'example.org'],
    ['example。org', 'name', 'example.org'],
    ['xn--mnchen-3ya.example', 'name', 'xn--mnchen-3ya.example'],
    ['93.184.216.34', 'address', '93.184.216.34'],
    ['93.184.216.34.', 'address', '93.184.216.34'],
    ['2130706433', 'address', '127.0.0.1'],
    ['0x7f.1', 'address', '127.0.0.1'],
    ['017700000001', 'address', '127.0.0.1'],
    ['127.1', 'address', '127.0.0.1'],
    ['0', 'address', '0.0.0.0'],
    ['[::1]', 'address', '::1'],
    ['::1', 'address', '::1'],
    ['[2606:4700:0:0::0001]', 'address', '2606:4700::1'],
    ['::ffff:169.254.169.254', 'address', '169.254.169.254'],
    ['[::FFFF:7f00:1]', 'address', '127.0.0.1'],
  ])('%s is %s %s', (text, kind, host) => {
    expect(canonicalHost(text)).toEqual({ kind, host });
  });

  test.each([
    '',
    '.',
    '..',
    'a..b',
    '.example.org',
    'example.org..',
    'a_b.example.org',
    '-a.example.org',
    'a-.example.org',
    `${'a'.repeat(64)}.example.org`,
    `${'abc.'.repeat(64)}org`,
    'x'.repeat(100_000),
    '1.2.3.4.5',
    '256.1.1.1',
    'foo.0x1',
    'fe80::1%eth0',
    '[::1',
    '::1]',
    '[[::1]]',
    'example.org:443',
    'user@example.org',
    'example.org@evil.example',
    'evil.example#.example.org',
    'evil.example?.example.org',
    'evil.example/.example.org',
    'evil.example\\.example.org',
    '%65vil.example',
    '*.example.org',
    'exampl{e,f}.org',
    'example.org\0.evil.example',
    'example.org\r\nX: y',
    ' example.org',
    'example.org\t',
    'exam\u00adple.org',
    'exam\u200bple.org',
    'faß.example',
    'xn--a.example',
  ])('%j is refused', (text) => {
    expect(canonicalHost(text)).toMatchObject({ kind: 'refused' });
  });
});

describe('an authority is a host and perhaps a port', () => {
  test.each([
    ['example.org', { kind: 'name', host: 'example.org', port: null }],
    ['Example.org.:8443', { kind: 'name', host: 'example.org', port: 8443 }],
    ['[::1]:80', { kind: 'address', host: '::1', port: 80 }],
    ['127.1:5432', { kind: 'address', host: '127.0.0.1', port: 5432 }],
  ])('%s', (text, authority) => {
    expect(parseAuthority(text)).toEqual(authority);
  });

  test.each([
    '::1',
    '::1:80',
    'a:0',
    'a:080',
    'a:65536',
    'a:',
    'a:b',
    'a:1:2',
    ':80',
    '[::1]80',
    'a@b:80',
    'a:80\n',
    'a:٨٠',
  ])('%j is refused', (text) => {
    expect(parseAuthority(text)).toMatchObject({ kind: 'refused' });
  });
});

describe('the allow-list', () => {
  test('is canonical, and a port that is not given means 80 and 443', () => {
    expect(parseHostRules(['Registry.Example.ORG', 'localhost:5432'], ['.Example.net.', 'a.example'])).toEqual({
      hosts: [
        { kind: 'name', host: 'registry.example.org', port: null, loopback: false },
        { kind: 'name', host: 'localhost', port: 5432, loopback: true },
      ],
      suffixes: ['example.net', 'a.example'],
    });
  });

  test.each([
    'http://example.org',
    '*.example.org',
    'user@example.org',
    '::1',
    'a b',
    'example.org/x',
    '127.0.0.1',
    'localhost',
    '10.0.0.1:80',
    '169.254.169.254',
    '[fd00::1]:443',
    '0x0a000001:80',
    '',
  ])('%j cannot be allowed', (host) => {
    expect(() => parseHostRules([host], [])).toThrow(PalyraError);
  });

  test.each(['com', '.com', '', '.', '*.example.org', '1.2.3.4', '..example.org', 'x.localhost', 'example.org:80'])(
    'the suffix %j cannot be allowed',
    (suffix) => {
      expect(() => parseHostRules([], [suffix])).toThrow(PalyraError);
    },
  );

  const rules = parseHostRules(
    ['registry.example.org', 'example.org:8443', '127.0.0.1:5432', '[::1]:80', 'localhost:9000', '93.184.216.34'],
    ['.example.net'],
  );
  test.each([
    ['registry.example.org', 443, 'allowed'],
    ['registry.example.org', 80, 'allowed'],
    ['registry.example.org', 22, 'port_not_listed'],
    ['example.org', 8443, 'allowed'],
    ['example.org', 443, 'port_not_listed'],
    ['x.registry.example.org', 443, 'host_not_listed'],
    ['evilregistry.example.org', 443, 'host_not_listed'],
    ['registry.example.org.evil.example', 443, 'host_not_listed'],
    ['a.example.net', 443, 'allowed'],
    ['a.b.example.net', 80, 'allowed'],
    ['a.example.net', 22, 'port_not_listed'],
    ['example.net', 443, 'host_not_listed'],
    ['evilexample.net', 443, 'host_not_listed'],
    ['127.0.0.1', 5432, 'allowed'],
    ['127.0.0.1', 80, 'port_not_listed'],
    ['127.0.0.2', 5432, 'address_literal'],
    ['::1', 80, 'allowed'],
    ['localhost', 9000, 'allowed'],
    ['localhost', 5432, 'port_not_listed'],
    ['93.184.216.34', 443, 'allowed'],
    ['93.184.216.35', 443, 'address_literal'],
  ])('%s port %i: %s', (text, port, expected) => {
    const host = canonicalHost(text);
    if (host.kind === 'refused') throw new Error(host.why);
    const match = matchDestination(rules, host, port);
    expect(match.kind === 'allowed' ? match.kind : match.reason).toBe(expected);
  });

  test('only a loopback entry grants loopback', () => {
    expect(matchDestination(rules, { kind: 'address', host: '127.0.0.1' }, 5432)).toEqual({
      kind: 'allowed',
      loopback: true,
    });
    expect(matchDestination(rules, { kind: 'name', host: 'example.org' }, 8443)).toEqual({
      kind: 'allowed',
      loopback: false,
    });
  });
});

describe('public addresses', () => {
  test.each([
    '1.1.1.1',
    '93.184.216.34',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '192.167.255.255',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '168.63.129.17',
    '::ffff:1.1.1.1',
    '2606:4700::1111',
    '2001:1::1',
    '2001:4860:4860::8888',
    '3fff:ffff::1',
  ])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.1.1.1',
    '240.0.0.1',
    '255.255.255.255',
    '168.63.129.16',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '::127.0.0.1',
    '64:ff9b::1.1.1.1',
    '64:ff9b::a9fe:a9fe',
    'fe80::1',
    'fc00::1',
    'fd00::1',
    'ff02::1',
    '2001::1',
    '2001:0:1::',
    '2001:db8::1',
    '2002:7f00:1::',
    '2002:101:101::',
    '4000::1',
    '100::1',
    'example.org',
    '',
    'fe80::1%eth0',
  ])('%s is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test('the addresses of this machine are not, however they are written', () => {
    const own = ['93.184.216.34', '2606:4700:0::1'];
    expect(
      ['93.184.216.34', '::ffff:93.184.216.34', '2606:4700::1', '93.184.216.35'].map((a) => isPublicAddress(a, own)),
    ).toEqual([false, false, false, true]);
  });
});

test('a destination is written with brackets where it needs them', () => {
  expect([destinationText({ host: '::1' }, 80), destinationText({ host: 'a.example' }, 443)]).toEqual([
    '[::1]:80',
    'a.example:443',
  ]);
});
