import type { Example } from '../../command.ts';

/** What sharing needs first. */
export const SET_UP: readonly Example[] = [
  { says: 'switch teams on', command: 'palyra flags enable team_mode' },
  { says: 'a workspace, which gives rbac an owner', command: 'palyra workspaces create ops' },
  { says: 'switch roles on', command: 'palyra flags enable rbac --yes' },
];
