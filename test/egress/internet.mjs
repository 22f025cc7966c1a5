// Every server of the lab, in one process. `internet`: DNS, web and a raw service; `host`: services of the host itself.
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer as createWeb } from 'node:http';
import { createServer as createSecureWeb } from 'node:https';
import { createServer } from 'node:net';
import { join, normalize } from 'node:path';

const [role, folder] = process.argv.slice(2);
const secure = { key: readFileSync(join(folder, 'server.key')), cert: readFileSync(join(folder, 'server.pem')) };

if (role === 'internet') {
  serveNames();
  createWeb(answer).listen(80, '::');
  createWeb(answer).listen(8080, '::');
  createSecureWeb(secure, answer).listen(443, '::');
  greet('internet', 5432, '::');
} else {
  createWeb(answer).listen(80, '0.0.0.0');
  greet('host', 5432, '127.0.0.1');
  greet('host', 9000, '127.0.0.1');
}

/** Files under /files/, and for all else what was asked, of which address, as how many-th request of its connection. */
function answer(request, response) {
  const { socket, method, url, rawHeaders } = request;
  socket.requests = (socket.requests ?? 0) + 1;
  if (url.startsWith('/files/')) return sendFile(url, response);
  const body = [];
  request.on('data', (bytes) => body.push(bytes));
  request.on('end', () => {
    const served = socket.localAddress.replace(/^::ffff:/, '');
    const { servername: sni } = socket;
    const said = { served, sni, method, url, rawHeaders, requests: socket.requests, body: `${Buffer.concat(body)}` };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(said));
  });
}

function sendFile(url, response) {
  try {
    response.end(readFileSync(join(folder, normalize(decodeURIComponent(url.split('?')[0])))));
  } catch {
    response.writeHead(404).end();
  }
}

/** A protocol in which the server speaks first, and then says back what it hears. */
function greet(where, port, address) {
  createServer((socket) => {
    socket.write(`hello from ${where}\n`);
    socket.on('error', () => socket.destroy()).pipe(socket);
  }).listen(port, address);
}

function serveNames() {
  const asked = new Map();
  const names = JSON.parse(readFileSync(join(folder, 'names.json'), 'utf8'));
  const server = createSocket('udp4');
  server.on('message', (query, { port, address }) => {
    const labels = [];
    let at = 12;
    for (; query[at] > 0; at += 1 + query[at]) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
    const type = query.readUInt16BE(at + 1);
    const name = labels.join('.').toLowerCase();
    const turn = asked.get(`${name} ${type}`) ?? 0;
    asked.set(`${name} ${type}`, turn + 1);
    server.send(reply(query, at + 5, type, names[name], turn), port, address);
  });
  server.bind(53, '93.184.0.53');
}

/** `turns`: a list of answers, one for each time that the name is asked; the last one stays. */
function reply(query, end, type, turns, turn) {
  const addresses = turns?.[Math.min(turn, turns.length - 1)] ?? [];
  const records = addresses.filter((address) =>
    type === 28 ? address.includes(':') : type === 1 && !address.includes(':'),
  );
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(turns === undefined ? 0x8183 : 0x8180, 2);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  const answers = records.map((address) => {
    const data = Buffer.from(bytesOf(address));
    return Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]), data]);
  });
  return Buffer.concat([head, query.subarray(12, end), ...answers]);
}

function bytesOf(address) {
  if (!address.includes(':')) return address.split('.').map(Number);
  const [left, right = ''] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const groups = [...left, ...Array(8 - left.length - right.length).fill('0'), ...right];
  return groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]);
}
