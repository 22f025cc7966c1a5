import type { Constraint, EntityUid, PolicySource, Slot } from './source.ts';

const LISTED = 3;

/** Whom and what a policy is about, in short: `tool.execute by user:ops`, `8 actions`, `anything`. */
export function headInShort({ scope: { principal, action, resource } }: Pick<PolicySource, 'scope'>): string {
  const parts = [inShort(action, 'actions'), by(inShort(principal, 'principals')), on(inShort(resource, 'resources'))];
  return parts.filter((part) => part !== '').join(' ') || 'anything';
}

function by(principal: string): string {
  return principal === '' ? '' : `by ${principal}`;
}

function on(resource: string): string {
  return resource === '' ? '' : `on ${resource}`;
}

function inShort(constraint: Constraint, plural: string): string {
  switch (constraint.op) {
    case 'any':
      return '';
    case '==':
      return nameOf(constraint.entity);
    case 'in':
      return constraint.entities.length <= LISTED
        ? constraint.entities.map(nameOf).join(', ')
        : `${constraint.entities.length} ${plural}`;
    case 'is':
      return constraint.in === undefined ? constraint.type : `${constraint.type} in ${nameOf(constraint.in)}`;
    case 'other':
      return 'some';
  }
}

function nameOf(entity: EntityUid | Slot): string {
  return 'slot' in entity ? entity.slot : entity.id;
}
