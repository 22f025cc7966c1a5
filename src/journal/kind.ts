/** Every kind of entry that is written: what it is about, and what was done. */
export const ENTRY_KINDS = [
  'approval.claim',
  'approval.expire',
  'approval.refuse',
  'approval.request',
  'approval.resolve',
  'doctor.repair',
  'exec.end',
  'exec.refuse',
  'exec.start',
  'flag.disable',
  'flag.enable',
  'gate.allow',
  'gate.deny',
  'grant.revoke',
  'member.accept',
  'member.invite',
  'member.remove',
  'member.set_role',
  'posture.change',
  'share.remove',
  'share.set',
  'token.mint',
  'token.refuse',
  'token.revoke',
  'token.rotate',
  'token.use',
  'workspace.create',
] as const;

export type EntryKind = (typeof ENTRY_KINDS)[number];

/** What entries are about: `token` stands for all of its kinds. */
export const ENTRY_GROUPS = [...new Set(ENTRY_KINDS.map((kind) => kind.slice(0, kind.indexOf('.'))))];
