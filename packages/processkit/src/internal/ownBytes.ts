/**
 * Bytes that stand by themselves.
 */

/**
 * Copies bytes out of whatever memory they are in. Not with `slice`: what Node reads is a `Buffer`, and its `slice` is a
 * view (`Buffer.prototype.slice`, Node 22 to 26).
 */
export const ownBytes = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)
