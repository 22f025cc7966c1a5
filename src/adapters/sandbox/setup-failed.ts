/** The boundary could not be built: an answer, not a bug. */
export class SetupFailed extends Error {}
