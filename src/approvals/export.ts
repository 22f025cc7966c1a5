import { canonicalJson } from '../canonical.ts';
import { sha256 } from '../sha256.ts';
import type { Approval } from './approval.ts';

const EXPORT_SCHEMA = 'palyra.approvals.export.ndjson.v1';

/** A line of an export: a record, and the chain that a third party can follow from 64 zeros on. */
export interface ExportLine {
  readonly schema: typeof EXPORT_SCHEMA;
  readonly record_type: 'approval';
  /** from 1 */
  readonly sequence: number;
  /** the chain checksum of the line before */
  readonly prev_checksum_sha256: string;
  /** SHA-256 of the record's RFC 8785 form */
  readonly record_checksum_sha256: string;
  /** SHA-256 of schema LF sequence LF previous LF record checksum */
  readonly chain_checksum_sha256: string;
  readonly record: Approval;
}

/** Chain approvals, in their order. */
export function exportLines(approvals: readonly Approval[]): ExportLine[] {
  let previous = '0'.repeat(64);
  return approvals.map((record, index) => {
    const sequence = index + 1;
    const checksum = sha256(canonicalJson(record));
    const chain = sha256(`${EXPORT_SCHEMA}\n${sequence}\n${previous}\n${checksum}`);
    const line: ExportLine = {
      schema: EXPORT_SCHEMA,
      record_type: 'approval',
      sequence,
      prev_checksum_sha256: previous,
      record_checksum_sha256: checksum,
      chain_checksum_sha256: chain,
      record,
    };
    previous = chain;
    return line;
  });
}
