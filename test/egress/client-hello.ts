import { Duplex } from 'node:stream';
import { connect } from 'node:tls';

/** The first bytes that Node's TLS says: one record that holds one ClientHello. */
export function clientHello(servername: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read() {},
      write(bytes, _encoding, done) {
        resolve(bytes);
        done();
      },
    });
    connect({ socket: wire, ...(servername === '' ? {} : { servername }) }).on('error', () => {});
  });
}

/** The same handshake bytes in records of `size` bytes each. */
export function inRecords(record: Buffer, size: number): Buffer {
  const message = record.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}
