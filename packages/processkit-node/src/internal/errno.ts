/**
 * Reads the error code of what Node threw or emitted, and nothing else of it.
 *
 * Node's error objects carry argument values, paths and environment in their text and fields; they stop here.
 */

/** Gets the errno name (`ENOENT`, or one of Node's own `ERR_…` codes); `UNKNOWN` where there is none. */
export const errnoOf = (thrown: unknown): string => {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return "UNKNOWN"
  return typeof thrown.code === "string" ? thrown.code : "UNKNOWN"
}
