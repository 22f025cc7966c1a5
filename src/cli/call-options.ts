import type { PolicyRequestContext } from '../policy/request.ts';

/** The options that say in which circumstances somebody asks; empty ones count as absent. */
export interface CallOptions {
  readonly tool?: string | undefined;
  readonly skill?: string | undefined;
  readonly channel?: string | undefined;
  readonly device?: string | undefined;
  readonly session?: string | undefined;
  readonly run?: string | undefined;
  readonly capability: readonly string[];
}

/** The context of the request that they spell. */
export function contextFrom(options: CallOptions): PolicyRequestContext {
  const { device, channel, session, run, tool, skill, capability } = options;
  return {
    ...(device === undefined ? {} : { device_id: device }),
    ...(channel === undefined ? {} : { channel }),
    ...(session === undefined ? {} : { session_id: session }),
    ...(run === undefined ? {} : { run_id: run }),
    ...(tool === undefined ? {} : { tool_name: tool }),
    ...(skill === undefined ? {} : { skill_id: skill }),
    ...(capability.length === 0 ? {} : { capabilities: capability }),
  };
}
