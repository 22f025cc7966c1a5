import { chmodSync, lchownSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Destination, HostRules } from '../../sandbox/hosts.ts';
import { DOOR_SOCKET, LIFELINE_SOCKET, type Service } from '../../sandbox/relays.ts';
import { type Door, keep, serveDoor, serveService } from './egress-door.ts';
import { makePassingFolder } from './passing-folder.ts';

export interface EgressProxyOptions {
  /** where the folder of the sockets is made; the folder for temporary files if left out */
  readonly parent?: string;
  /** who must be able to connect when that is not us: root runs the chain as the owner of the workspace */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** called once for each distinct destination, the first 1024 of them */
  readonly report: (destination: Destination) => void;
}

export interface EgressProxy {
  /** the folder that holds the sockets; gone after `close` */
  readonly directory: string;
  readonly close: () => Promise<void>;
}

/**
 * Start the filtering proxy on unix sockets in a folder of its own: one door for every client, one socket for each
 * service, and the lifeline of the relays. It serves at most 512 connections and lives no longer than this process.
 */
export async function startEgressProxy(
  rules: HostRules,
  services: readonly Service[],
  { parent, owner, report }: EgressProxyOptions,
): Promise<EgressProxy> {
  const directory = makePassingFolder('egress', parent);
  const door: Door = { rules, report: reportOnce(report), sockets: new Set() };
  const clients = new Set<Socket>();
  const admit = (client: Socket, serve: () => Promise<void>) => {
    if (clients.size >= MAX_CONNECTIONS) return tooMany(door, client);
    clients.add(client);
    client.once('close', () => clients.delete(client));
    keep(door, client);
    void serve();
  };
  const servers = await Promise.all([
    listen(join(directory, DOOR_SOCKET), (client) => admit(client, () => serveDoor(door, client))),
    listen(join(directory, LIFELINE_SOCKET), (relay) => keep(door, relay)),
    ...services.map((service) =>
      listen(join(directory, service.socket), (client) => admit(client, () => serveService(door, client, service))),
    ),
  ]);
  if (owner !== undefined) {
    // the folder stays ours, the sockets become theirs: only their owner may write to them, which is to connect
    const names = [DOOR_SOCKET, LIFELINE_SOCKET, ...services.map(({ socket }) => socket)];
    for (const name of names) lchownSync(join(directory, name), owner.uid, owner.gid);
    chmodSync(directory, 0o711);
  }
  return { directory, close: () => close(directory, servers, door) };
}

const MAX_CONNECTIONS = 512;
const MAX_REPORTED = 1024;

function reportOnce(report: (destination: Destination) => void): (destination: Destination) => void {
  const seen = new Set<string>();
  return (destination) => {
    const key = JSON.stringify(destination);
    if (seen.size >= MAX_REPORTED || seen.has(key)) return;
    seen.add(key);
    report(destination);
  };
}

function tooMany(door: Door, client: Socket): void {
  client.destroy();
  door.report({ host: '', port: 0, address: null, verdict: 'refused', reason: 'too_many_connections' });
}

function listen(path: string, serve: (client: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, serve);
    server.once('error', reject);
    server.listen(path, () => resolve(server));
  });
}

async function close(directory: string, servers: readonly Server[], { sockets }: Door): Promise<void> {
  const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
  rmSync(directory, { recursive: true, force: true });
}
