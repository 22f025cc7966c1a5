import type { DocumentShape } from '../document.ts';
import { type Checked, list, nullable, oneOf, optional, record, text, truth, whole } from '../schema.ts';

/** The words of a role, least first. */
const role = oneOf('operator', 'admin', 'owner');

const featureFlag = record({
  key: text,
  label: text,
  description: text,
  enabled: truth,
  stage: oneOf('lab', 'internal', 'admin_only', 'pilot', 'general'),
  depends_on: list(text),
  updated_at_unix_ms: whole,
  updated_by_principal: text,
});

const apiToken = record({
  token_id: text,
  label: text,
  token_prefix: text,
  token_hash_sha256: text,
  scopes: list(text),
  principal: text,
  workspace_id: optional(text),
  role,
  rate_limit_per_minute: whole,
  created_at_unix_ms: whole,
  updated_at_unix_ms: whole,
  expires_at_unix_ms: optional(whole),
  revoked_at_unix_ms: optional(whole),
  last_used_at_unix_ms: optional(whole),
  rotated_from_token_id: optional(text),
});

const team = record({
  team_id: text,
  slug: text,
  display_name: text,
  created_by_principal: text,
  created_at_unix_ms: whole,
  updated_at_unix_ms: whole,
});

const workspace = record({
  workspace_id: text,
  team_id: text,
  slug: text,
  display_name: text,
  // without them it is reported by the doctor, not refused
  runtime_principal: optional(text),
  runtime_device_id: optional(text),
  created_by_principal: text,
  created_at_unix_ms: whole,
  updated_at_unix_ms: whole,
});

const membership = record({
  membership_id: text,
  workspace_id: text,
  principal: text,
  role,
  created_by_principal: text,
  created_at_unix_ms: whole,
  updated_at_unix_ms: whole,
});

const invitation = record({
  invitation_id: text,
  workspace_id: text,
  invited_identity: text,
  role,
  token_hash_sha256: text,
  issued_by_principal: text,
  created_at_unix_ms: whole,
  expires_at_unix_ms: whole,
  accepted_by_principal: optional(text),
  accepted_at_unix_ms: optional(whole),
});

const share = record({
  share_id: text,
  resource_kind: text,
  resource_id: text,
  workspace_id: text,
  access_level: text,
  created_by_principal: text,
  created_at_unix_ms: whole,
  updated_at_unix_ms: whole,
});

const telemetryEvent = record({
  event_id: text,
  feature_key: text,
  category: text,
  outcome: text,
  principal: optional(text),
  workspace_id: optional(text),
  token_id: optional(text),
  detail: optional(text),
  recorded_at_unix_ms: whole,
});

const registry = record({
  version: whole,
  last_backfill_at_unix_ms: nullable(whole),
  feature_flags: list(featureFlag),
  api_tokens: list(apiToken),
  teams: list(team),
  workspaces: list(workspace),
  memberships: list(membership),
  invitations: list(invitation),
  shares: list(share),
  telemetry: list(telemetryEvent),
});

export type Role = Checked<typeof role>;
export type FeatureFlag = Checked<typeof featureFlag>;
export type ApiToken = Checked<typeof apiToken>;
export type Team = Checked<typeof team>;
export type Workspace = Checked<typeof workspace>;
export type Membership = Checked<typeof membership>;
export type Invitation = Checked<typeof invitation>;
export type Share = Checked<typeof share>;
export type TelemetryEvent = Checked<typeof telemetryEvent>;
export type Registry = Checked<typeof registry>;

/**
 * `access_registry.json` version 1, shared with other Palyra programs. The fields have the words of the file, because
 * the records are kept as they are, unknown fields included: change one by spreading it.
 */
export const registryShape: DocumentShape<Registry> = {
  name: 'access_registry.json',
  version: { field: 'version', understood: 1 },
  shared: true,
  check: registry,
  empty: () => ({
    version: 1,
    last_backfill_at_unix_ms: null,
    feature_flags: firstFlags(),
    api_tokens: [],
    teams: [],
    workspaces: [],
    memberships: [],
    invitations: [],
    shares: [],
    telemetry: [],
  }),
};

/** The flags of a first run. */
function firstFlags(): FeatureFlag[] {
  return FIRST_FLAGS.map(([key, label, description, stage, depends_on, enabled]) => ({
    key,
    label,
    description,
    enabled: enabled === 'on',
    stage,
    depends_on,
    updated_at_unix_ms: 0,
    updated_by_principal: 'system',
  }));
}

type FirstFlag = readonly [
  key: string,
  label: string,
  description: string,
  stage: FeatureFlag['stage'],
  dependsOn: readonly string[],
  enabled?: 'on',
];

const FIRST_FLAGS: readonly FirstFlag[] = [
  ['compat_api', 'Compat API', 'OpenAI-compatible HTTP handlers', 'admin_only', []],
  ['compat_embeddings_api', 'Compat embeddings', 'OpenAI-compatible embeddings endpoint', 'admin_only', ['compat_api']],
  ['compat_tools_invoke', 'Compat tools invoke', 'tools/invoke endpoint', 'lab', ['compat_api']],
  ['api_tokens', 'API tokens', 'Issuing and using scoped tokens', 'admin_only', ['compat_api']],
  ['team_mode', 'Team mode', 'Teams, workspaces and invitations', 'pilot', []],
  ['rbac', 'RBAC', 'Role-based checks and shares', 'pilot', ['team_mode']],
  ['staged_rollout', 'Staged rollout', 'Rollout stages and kill switches', 'internal', []],
  ['routines_automation', 'Routines automation', 'Unattended routines', 'pilot', ['staged_rollout'], 'on'],
];
