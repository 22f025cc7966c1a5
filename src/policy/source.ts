export interface Scope {
  readonly principal: Constraint;
  readonly action: Constraint;
  readonly resource: Constraint;
}

/** What a head asks of one variable. `other`: written in a way that is not read here, so it may match anything. */
export type Constraint =
  | { readonly op: 'any' }
  | { readonly op: '=='; readonly entity: EntityUid | Slot }
  | { readonly op: 'in'; readonly entities: readonly (EntityUid | Slot)[] }
  | { readonly op: 'is'; readonly type: string; readonly in: EntityUid | Slot | undefined }
  | { readonly op: 'other' };

export interface EntityUid {
  readonly type: string;
  readonly id: string;
}

export interface Slot {
  readonly slot: string;
}

export interface NamedPolicy {
  readonly id: string;
  readonly text: string;
  readonly template: boolean;
  readonly scope: Scope;
}
