import type {
  AuthorizationAnswer,
  CheckParseAnswer,
  FormattingAnswer,
  PolicySetTextToPartsAnswer,
  PolicyToJsonAnswer,
  PolicyToTextAnswer,
  SchemaToJsonAnswer,
  ValidationAnswer,
} from '@cedar-policy/cedar-wasm/nodejs';
import type { JsonText } from '../../policy/engine.ts';

/** The functions of cedar-wasm that we call, and what each answers. */
export interface Answers {
  checkParsePolicySet: CheckParseAnswer;
  formatPolicies: FormattingAnswer;
  policySetTextToParts: PolicySetTextToPartsAnswer;
  policyToJson: PolicyToJsonAnswer;
  policyToText: PolicyToTextAnswer;
  preparsePolicySet: CheckParseAnswer;
  preparseSchema: CheckParseAnswer;
  schemaToJson: SchemaToJsonAnswer;
  statefulIsAuthorized: AuthorizationAnswer;
  templateToJson: PolicyToJsonAnswer;
  validate: ValidationAnswer;
}

/** One instance of Cedar. After a call that threw it must not be used again: its stack is short, its state may be torn. */
export interface Engine {
  /** the policy sets that it knows from the start, by slot */
  readonly prepared: Readonly<Record<string, JsonText>>;
  /**
   * @param texts the leading arguments, which Cedar takes as plain text: a slot's name, or a policy set
   * @param json the last argument, for the calls that take one
   * @returns Cedar's answer, parsed
   */
  call<Name extends keyof Answers>(name: Name, texts: readonly string[], json?: JsonText): Answers[Name];
}
