import type { DocumentShape } from '../document.ts';
import { type Checked, list, oneOf, optional, record, text, whole } from '../schema.ts';

/** How a tool is treated before policy is asked; from the loosest to the strictest. */
export const POSTURE_STATES = ['always_allow', 'ask_each_time', 'disabled'] as const;
export type PostureState = (typeof POSTURE_STATES)[number];

/** From the narrowest to the widest: the first that has an override decides. */
export const SCOPE_KINDS = ['session', 'agent', 'workspace', 'global'] as const;
export type ScopeKind = (typeof SCOPE_KINDS)[number];

const override = record({
  tool_name: text,
  scope_kind: oneOf(...SCOPE_KINDS),
  /** a session, a principal, a workspace; `global` */
  scope_id: text,
  state: oneOf(...POSTURE_STATES),
  reason: optional(text),
  actor_principal: text,
  source: text,
  created_at_unix_ms: whole,
  updated_at_unix_ms: whole,
  expires_at_unix_ms: optional(whole),
});

const auditEvent = record({
  event_id: text,
  tool_name: text,
  scope_kind: text,
  scope_id: text,
  /** set, clear */
  action: text,
  state: optional(text),
  previous_state: optional(text),
  reason: optional(text),
  actor_principal: text,
  created_at_unix_ms: whole,
});

const registry = record({
  schema_version: whole,
  overrides: list(override),
  recommendation_actions: list(record({})),
  audit_events: list(auditEvent),
});

export type PostureOverride = Checked<typeof override>;
export type PostureAuditEvent = Checked<typeof auditEvent>;
export type PostureRegistry = Checked<typeof registry>;

/** `tool-posture/registry.json`, shared with other Palyra programs: records are kept as they are, in the file's words. */
export const postureShape: DocumentShape<PostureRegistry> = {
  name: 'tool-posture/registry.json',
  version: { field: 'schema_version', understood: 2 },
  shared: true,
  check: registry,
  empty: () => ({ schema_version: 2, overrides: [], recommendation_actions: [], audit_events: [] }),
};
