import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Destination } from '../../src/sandbox/hosts.ts';
import { clientHello, inRecords } from './client-hello.ts';
import { type Lab, type LabProxy, openLab, run, say } from './lab.ts';

let lab: Lab;
let proxy: LabProxy;
let door: string;

const HOSTS = [
  'allowed.example',
  'registry.example',
  'six.example',
  'private.example',
  'private6.example',
  'mapped.example',
  'nat64.example',
  'metadata.example',
  'shared.example',
  'mixed.example',
  'mixed6.example',
  'loopback.example',
  'own.example',
  'rebind.example',
  'nowhere.example',
  'db.example:5432',
  'db.example:8080',
  '127.0.0.1:5432',
  'localhost:9000',
  '93.184.216.34',
];

beforeAll(async () => {
  lab = await openLab();
  proxy = await lab.startProxy(HOSTS, ['.suffix.example']);
  door = join(proxy.directory, 'door');
});
afterAll(async () => {
  await proxy?.stop();
  lab?.close();
});

/** The report must hold a destination with these fields. */
function reported(fields: Partial<Destination>): Promise<void> {
  return vi.waitFor(() => expect(proxy.destinations()).toContainEqual(expect.objectContaining(fields)));
}

function get(target: string, host: string, more = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`;
}

function tunnel(target: string): string {
  return `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`;
}

function socks(kind: number, address: Uint8Array, port: number): Uint8Array[] {
  return [Uint8Array.of(5, 1, 0), Uint8Array.of(5, 1, 0, kind, ...address, port >> 8, port & 255)];
}

function socksName(name: string, port: number): Uint8Array[] {
  return socks(3, Uint8Array.of(name.length, ...Buffer.from(name, 'latin1')), port);
}

/** What the web server says it was asked. */
function heard(answer: string): Record<string, unknown> {
  return JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1));
}

test('the lab is worth its name: without the proxy the host reaches what the proxy refuses', async () => {
  const targets = ['http://10.0.0.5/', 'http://169.254.169.254/', 'http://[fd00::5]/', 'http://evil.example/'];
  const { stdout } = await run([...lab.onHost, 'curl', '-s', ...targets]);
  expect(stdout.match(/"served":"[^"]*"/g)).toEqual([
    '"served":"10.0.0.5"',
    '"served":"169.254.169.254"',
    '"served":"fd00::5"',
    '"served":"93.184.216.66"',
  ]);
});

describe('what is listed is reached', () => {
  test.each([
    ['absolute form', get('http://allowed.example/x?y', 'allowed.example'), '/x?y'],
    ['absolute form without a path', get('http://allowed.example?y', 'allowed.example'), '/?y'],
    ['origin form', get('/x', 'allowed.example'), '/x'],
    ['upper case and a trailing dot', get('http://ALLOWED.Example./x', 'allowed.example'), '/x'],
    ['a name below a suffix', get('/x', 'a.suffix.example'), '/x'],
    ['an address that is listed', get('http://93.184.216.34/x', 'a'), '/x'],
    ['HTTP in a tunnel to 80', `${tunnel('allowed.example:80')}${get('/x', 'allowed.example')}`, '/x'],
    ['a listed port', get('http://db.example:8080/x', 'db.example'), '/x'],
  ])('%s', async (_name, request, url) => {
    expect(heard(await say(door, request))).toMatchObject({ served: '93.184.216.34', url, requests: 1 });
  });

  test('TLS in a tunnel, by HTTP and by SOCKS, and TLS alone', async () => {
    const hello = await clientHello('allowed.example');
    for (const words of [[tunnel('allowed.example:443')], socksName('allowed.example', 443), []]) {
      const answer = await say(door, ...words, hello, Uint8Array.of(21, 3, 3, 0, 2, 2, 0));
      expect(answer).toContain('\x16\x03\x03'); // a ServerHello
    }
    await reported({ host: 'allowed.example', port: 443, verdict: 'allowed', reason: 'listed' });
  });

  test('a ClientHello in records of 7 bytes, sent one by one', async () => {
    const pieces = inRecords(await clientHello('allowed.example'), 7);
    const words = Array.from(pieces, (byte) => Uint8Array.of(byte));
    expect(await say(door, tunnel('allowed.example:443'), ...words, Uint8Array.of(21, 3, 3, 0, 2, 2, 0))).toContain(
      '\x16\x03\x03',
    );
  });

  test('a host of IPv6', async () => {
    const answer = await say(door, get('http://six.example/', 'six.example'));
    expect(heard(answer)).toMatchObject({ served: '2606:2800:220:1::34' });
  });

  test('a raw service on its listed port, through a tunnel and at its own socket', async () => {
    const socket = readdirSync(proxy.directory).filter((name) => name.startsWith('service-'));
    expect(socket).toHaveLength(4);
    const answers = await Promise.all([
      new Promise((resolve) => {
        const socket = connect(door);
        let said = '';
        // the proxy's line and the service's may come in one piece or in two
        socket.on('data', (piece) => {
          said += piece;
          if (said.includes('internet\n')) resolve(said);
        });
        socket.write(tunnel('db.example:5432'));
      }),
      firstWords(join(proxy.directory, 'service-0')),
      firstWords(join(proxy.directory, 'service-2')),
      firstWords(join(proxy.directory, 'service-3')),
    ]);
    expect(answers.map(String)).toEqual([
      'HTTP/1.1 200 Connection established\r\n\r\nhello from internet\n',
      'hello from internet\n',
      'hello from host\n',
      'hello from host\n',
    ]);
    await reported({ host: '127.0.0.1', port: 5432, address: '127.0.0.1', verdict: 'allowed' });
    await reported({ host: 'localhost', port: 9000, address: '127.0.0.1', verdict: 'allowed' });
  });

  test('a body of known length and a chunked one arrive whole', async () => {
    const chunked =
      'POST http://allowed.example/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n';
    const sized = 'POST http://allowed.example/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde';
    const answers = await Promise.all([say(door, chunked), say(door, sized)]);
    expect(answers.map(heard)).toEqual([
      expect.objectContaining({ body: 'abcde' }),
      expect.objectContaining({ body: 'abcde' }),
    ]);
  });
});

function firstWords(path: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = connect(path).once('data', (bytes) => {
      socket.destroy();
      resolve(bytes);
    });
  });
}

describe('names that lead elsewhere are refused', () => {
  test.each([
    ['private.example', '10.0.0.5'],
    ['private6.example', 'fd00::5'],
    ['mapped.example', '::ffff:169.254.169.254'],
    ['nat64.example', '64:ff9b::a9fe:a9fe'],
    ['metadata.example', '169.254.169.254'],
    ['shared.example', '100.64.0.1'],
    ['mixed.example', '10.0.0.5'],
    ['mixed6.example', 'fd00::5'],
    ['loopback.example', '127.0.0.1'],
    ['own.example', '93.184.100.1'],
  ])('%s answers %s', async (host, address) => {
    const words = [[get(`http://${host}/`, host)], [tunnel(`${host}:443`)], [tunnel(`${host}:80`), get('/', host)]];
    for (const request of words) expect(await say(door, ...request)).toContain('403 Forbidden');
    await say(door, ...socksName(host, 443));
    await say(door, await clientHello(host));
    await reported({ host, port: 80, address, verdict: 'refused', reason: 'address_not_public' });
    await reported({ host, port: 443, address, verdict: 'refused', reason: 'address_not_public' });
  });

  test('a name that rebinds is judged by each answer that is dialled', async () => {
    const request = get('http://rebind.example/', 'rebind.example');
    expect(heard(await say(door, request))).toMatchObject({ served: '93.184.216.34' });
    expect(await say(door, request)).toContain('403 Forbidden');
    await reported({ host: 'rebind.example', address: '10.0.0.5', reason: 'address_not_public' });
  });

  test('a name without an address is no fault of the list', async () => {
    expect(await say(door, get('http://nowhere.example/', 'a'))).toContain('502 Bad Gateway');
    await reported({
      host: 'nowhere.example',
      port: 80,
      address: null,
      verdict: 'failed',
      reason: 'name_not_resolved',
    });
  });
});

describe('what is not listed is refused, however it is written', () => {
  test.each([
    ['evil.example:443', 'host_not_listed'],
    ['suffix.example:443', 'host_not_listed'],
    ['evilsuffix.example:443', 'host_not_listed'],
    ['allowed.example.evil.example:443', 'host_not_listed'],
    ['allowed.example:22', 'port_not_listed'],
    ['a.suffix.example:22', 'port_not_listed'],
    ['db.example:443', 'port_not_listed'],
    ['10.0.0.5:80', 'address_literal'],
    ['0xa000005:80', 'address_literal'],
    ['012.0.0.5:80', 'address_literal'],
    ['167772165:80', 'address_literal'],
    ['93.184.216.66:443', 'address_literal'],
    ['[::1]:80', 'address_literal'],
    ['[fd00::5]:80', 'address_literal'],
    ['[::ffff:10.0.0.5]:80', 'address_literal'],
    ['[::ffff:127.0.0.1]:80', 'port_not_listed'],
    ['127.0.0.1:80', 'port_not_listed'],
    ['127.1:9000', 'port_not_listed'],
    ['127.0.0.2:5432', 'address_literal'],
    ['localhost:5432', 'port_not_listed'],
    ['allowed.example@evil.example:443', 'request_malformed'],
    ['evil.example#.allowed.example:443', 'request_malformed'],
    ['evil.example\\.allowed.example:443', 'request_malformed'],
    ['evil.example%2eallowed.example:443', 'request_malformed'],
    ['*.example:443', 'request_malformed'],
    ['allowed..example:443', 'request_malformed'],
    ['allowed.example', 'request_malformed'],
    ['allowed.example:0443', 'request_malformed'],
    ['allowed.example:443:80', 'request_malformed'],
    ['allowed.example:65979', 'request_malformed'],
    ['allowed.example:', 'request_malformed'],
    ['http://allowed.example:443', 'request_malformed'],
    ['/', 'request_malformed'],
    [`${'a'.repeat(300)}:443`, 'request_malformed'],
  ] as const)('CONNECT %s', async (target, reason) => {
    expect(await say(door, tunnel(target), await clientHello('allowed.example'))).toContain('403 Forbidden');
    const host = target.replace(/:\d+$/, '');
    const known = reason === 'request_malformed' || /^\[|^0|^1/.test(host) ? {} : { host };
    await reported({ verdict: 'refused', reason, ...known });
  });

  test.each([
    ['http://evil.example/', 'allowed.example'],
    ['http://allowed.example@evil.example/', 'allowed.example'],
    ['http://allowed.example:80@evil.example/', 'allowed.example'],
    ['http://evil.example#.allowed.example/', 'allowed.example'],
    ['http://evil.example\\.allowed.example/', 'allowed.example'],
    ['http://evil.example\\@allowed.example/', 'allowed.example'],
    ['http:/evil.example/', 'allowed.example'],
    ['http:evil.example', 'allowed.example'],
    ['https://allowed.example/', 'allowed.example'],
    ['ftp://allowed.example/', 'allowed.example'],
    ['//evil.example/', 'evil.example'],
    ['*', 'allowed.example'],
    ['/', 'evil.example'],
    ['/', '10.0.0.5'],
    ['/', 'allowed.example@evil.example'],
    ['/', 'allowed.example, evil.example'],
    ['/', 'allowed.example evil.example'],
    ['/', ''],
  ])('GET %s with Host: %s', async (target, host) => {
    expect(await say(door, get(target, host))).toContain('403 Forbidden');
  });

  test('a path that looks like another host stays a path', async () => {
    expect(heard(await say(door, get('//evil.example/', 'allowed.example')))).toMatchObject({
      served: '93.184.216.34',
      url: '//evil.example/',
    });
  });

  test.each([
    ['a name that is not listed', socksName('evil.example', 443), '\x05\x00\x05\x02'],
    ['an address', socks(1, Uint8Array.of(10, 0, 0, 5), 80), '\x05\x00\x05\x02'],
    ['an address of IPv6', socks(4, Buffer.from('fd000000000000000000000000000005', 'hex'), 80), '\x05\x00\x05\x02'],
    ['a mapped address', socks(4, Buffer.from('00000000000000000000ffff0a000005', 'hex'), 80), '\x05\x00\x05\x02'],
    ['an address as a name', socksName('169.254.169.254', 80), '\x05\x00\x05\x02'],
    ['a name with NUL', socksName('allowed.example\0.evil.example', 443), '\x05\x00\x05\x02'],
    ['a name beyond ASCII', socksName('allowed.ex\xe4mple', 443), '\x05\x00\x05\x02'],
    ['an empty name', socksName('', 443), '\x05\x00\x05\x02'],
    ['BIND', [Uint8Array.of(5, 1, 0), Uint8Array.of(5, 2, 0, 1, 1, 1, 1, 1, 0, 80)], '\x05\x00\x05\x07'],
    ['UDP', [Uint8Array.of(5, 1, 0), Uint8Array.of(5, 3, 0, 1, 1, 1, 1, 1, 0, 80)], '\x05\x00\x05\x07'],
    ['a password', [Uint8Array.of(5, 1, 2)], '\x05\xff'],
  ])('SOCKS 5: %s', async (_name, words, answer) => {
    expect((await say(door, ...words)).slice(0, answer.length)).toBe(answer);
  });

  test('SOCKS 4', async () => {
    expect(await say(door, Uint8Array.of(4, 1, 0, 80, 93, 184, 216, 34, 0), '\r\n\r\n')).not.toContain('served');
  });
});

describe('on 443 the ClientHello names the host that was asked for', () => {
  test.each([
    ['another host that is listed', 'registry.example', 'sni_mismatch'],
    ['a host that is not', 'evil.example', 'sni_mismatch'],
    ['no host', '', 'sni_missing'],
  ] as const)('%s', async (_name, servername, reason) => {
    const hello = await clientHello(servername);
    for (const words of [[tunnel('allowed.example:443')], socksName('allowed.example', 443)]) {
      expect(await say(door, ...words, hello)).toMatch(/\x15\x03\x03\0\x02\x02\x31$/);
    }
    await reported({ host: 'allowed.example', port: 443, verdict: 'refused', reason });
  });

  test('the outer name counts, in however many records it comes', async () => {
    const hello = inRecords(await clientHello('registry.example'), 50);
    expect(await say(door, tunnel('allowed.example:443'), hello)).toMatch(/\x15\x03\x03\0\x02\x02\x31$/);
  });

  test.each([
    ['plain HTTP', get('/', 'evil.example')],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['an alert first', Uint8Array.of(21, 3, 3, 0, 2, 1, 0)],
    ['an empty record', Uint8Array.of(22, 3, 1, 0, 0)],
    ['a record over its limit', Uint8Array.of(22, 3, 1, 255, 255)],
    ['a handshake over its limit', Uint8Array.of(22, 3, 1, 0, 4, 1, 255, 255, 255)],
    ['a hello without end', Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.from([22, 3, 1, 0, 1, 1])))],
  ])('%s is no ClientHello', async (_name, words) => {
    expect(await say(door, tunnel('allowed.example:443'), words)).toMatch(/\x15\x03\x03\0\x02\x02\x31$/);
  });

  test('TLS alone goes nowhere without a listed name', async () => {
    for (const name of ['evil.example', 'db.example', '']) {
      expect(await say(door, await clientHello(name))).toBe('\x15\x03\x03\0\x02\x02\x31');
    }
    await reported({ host: '', port: 443, verdict: 'refused', reason: 'sni_missing' });
    await reported({ host: 'evil.example', port: 443, verdict: 'refused', reason: 'host_not_listed' });
  });
});

describe('one request, and nobody can read it otherwise', () => {
  const post = (headers: string, body = '') =>
    `POST http://allowed.example/ HTTP/1.1\r\nHost: a\r\n${headers}\r\n${body}`;
  test.each([
    ['Content-Length and Transfer-Encoding', post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
    ['two Content-Lengths', post('Content-Length: 5\r\nContent-Length: 6\r\n', 'abcde')],
    ['two Content-Lengths that agree', post('Content-Length: 5\r\nContent-Length: 5\r\n', 'abcde')],
    ['a list of Content-Lengths', post('Content-Length: 5, 5\r\n', 'abcde')],
    ['a signed Content-Length', post('Content-Length: +5\r\n', 'abcde')],
    ['two Transfer-Encodings', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
    ['another Transfer-Encoding', post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n')],
    ['a disguised Transfer-Encoding', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n')],
    ['a blank before the colon', post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n')],
    ['a folded line', post('X: y\r\n Transfer-Encoding: chunked\r\n')],
    ['a bare LF', post('X: y\nTransfer-Encoding: chunked\r\n')],
    ['a bare CR', post('X: y\rTransfer-Encoding: chunked\r\n')],
    ['LF alone as the end', 'GET http://allowed.example/ HTTP/1.1\nHost: a\n\n'],
    ['NUL', post('X: y\0\r\n')],
    ['a control byte', post('X: \x0by\r\n')],
    ['two Hosts', get('/', 'allowed.example', 'Host: evil.example\r\n')],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['chunks in HTTP/1.0', 'POST http://allowed.example/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a blank in the target', 'GET http://allowed.example/ x HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a tab in the request line', 'GET\thttp://allowed.example/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an empty line first', `\r\n${get('http://allowed.example/', 'a')}`],
    ['a head over 16 KiB', get('http://allowed.example/', 'a', `X: ${'y'.repeat(20_000)}\r\n`)],
  ])('%s is refused', async (_name, request) => {
    const answer = await say(door, request);
    expect(answer).toContain('403 Forbidden');
    expect(answer).not.toContain('served');
  });

  test('Host is rebuilt, and headers for the proxy stay with it', async () => {
    const more = [
      'Proxy-Authorization: Basic eDp5',
      'Proxy-Connection: keep-alive',
      'Connection: keep-alive, X-Hop, Content-Length',
      'X-Hop: 1',
      'Upgrade: h2c',
      'TE: trailers',
      'X-Kept: yes',
      'Content-Length: 0',
    ];
    const answer = await say(door, get('http://allowed.example/', 'evil.example', `${more.join('\r\n')}\r\n`));
    expect(heard(answer).rawHeaders).toEqual([
      'host',
      'allowed.example',
      'x-kept',
      'yes',
      'content-length',
      '0',
      'connection',
      'close',
    ]);
  });

  test.each([
    ['without a body', get('/1', 'allowed.example')],
    ['with a body', 'POST /1 HTTP/1.1\r\nHost: allowed.example\r\nContent-Length: 1\r\n\r\nx'],
    ['with chunks', 'POST /1 HTTP/1.1\r\nHost: allowed.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ])('a second request on the connection goes nowhere: %s', async (_name, first) => {
    const answer = await say(door, first, get('/2', 'other.example'));
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(1);
    expect(answer).not.toContain('"/2"');
  });

  test.each([
    ['another host', get('/', 'other.example')],
    ['another listed host', get('/', 'registry.example')],
    ['another port', get('/', 'allowed.example:8080')],
    ['absolute form to another host', get('http://registry.example/', 'allowed.example')],
    ['a tunnel in the tunnel', tunnel('allowed.example:80')],
  ])('a tunnel to port 80 carries no request for %s', async (_name, request) => {
    const answer = await say(door, tunnel('allowed.example:80'), request);
    expect(answer).not.toContain('served');
    expect(answer).toContain('403 Forbidden');
    await reported({ verdict: 'refused', reason: 'host_mismatch' });
  });

  test.each([
    '3;x=y\r\nabc\r\n0\r\n\r\n',
    '3\nabc\n0\n\n',
    '3\r\nabcd\r\n',
    '0x3\r\nabc\r\n0\r\n\r\n',
    '0\r\nX: y\r\n\r\n',
    '-1\r\n',
  ])('a chunked body that servers may read differently ends the connection: %j', async (body) => {
    const request = 'POST http://allowed.example/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(await say(door, request + body)).not.toContain('served');
  });
});

describe('clients that hold on', () => {
  test('a head that never ends is cut off', async () => {
    const words = ['GET http://allowed.example/ HTTP/1.1\r\nX', '', tunnel('allowed.example:443')];
    expect(await Promise.all(words.map((word) => say(door, word)))).toEqual([
      '',
      '',
      'HTTP/1.1 200 Connection established\r\n\r\n',
    ]);
  });

  test('512 connections are served, the next is not, and afterwards all is well', async () => {
    const held = Array.from({ length: 512 }, () => connect(door));
    await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    expect(await say(door, get('http://allowed.example/', 'a'))).toBe('');
    for (const socket of held) socket.destroy();
    await vi.waitFor(async () => expect(await say(door, get('http://allowed.example/', 'a'))).toContain('200 OK'));
    await reported({ verdict: 'refused', reason: 'too_many_connections' });
  });
});

describe('the sockets', () => {
  test('only their owner can reach them', () => {
    expect(statSync(proxy.directory).mode & 0o777).toBe(0o700);
  });

  test('the folder goes with the proxy, and a proxy that was killed is cleaned up after by the next', async () => {
    const killed = await lab.startProxy([]);
    process.kill(killed.pid, 'SIGKILL');
    await killed.stop();
    expect(existsSync(killed.directory)).toBe(true);
    const next = await lab.startProxy([]);
    expect(existsSync(killed.directory)).toBe(false);
    await next.stop();
    expect(existsSync(next.directory)).toBe(false);
    expect(existsSync(proxy.directory)).toBe(true);
  });

  test('a folder of somebody else is left alone', async () => {
    const theirs = join(lab.folder, 'palyra-egress-x');
    mkdirSync(theirs);
    writeFileSync(join(theirs, 'kept'), '');
    await (await lab.startProxy([])).stop();
    expect(existsSync(join(theirs, 'kept'))).toBe(true);
  });
});
