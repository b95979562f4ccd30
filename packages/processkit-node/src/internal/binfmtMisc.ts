/**
 * Formats that the administrator taught the Linux kernel. Source: Documentation/admin-guide/binfmt-misc.rst, Linux 6.1.
 */
import * as fs from "node:fs"

/** One registered format: by magic at an offset, or by file name extension. */
export type Handler =
  | { readonly _tag: "magic"; readonly offset: number; readonly magic: Buffer; readonly mask: Buffer | undefined }
  | { readonly _tag: "extension"; readonly extension: string }

/** Parses what `/proc/sys/fs/binfmt_misc/<name>` shows; undefined for a handler that is switched off. */
export const parseHandler = (text: string): Handler | undefined => {
  const lines = text.split("\n")
  if (lines[0] !== "enabled") return undefined
  const field = (name: string) => lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1)
  const extension = field("extension")
  if (extension !== undefined) return { _tag: "extension", extension: extension.replace(/^\./, "") }
  const magic = field("magic")
  if (magic === undefined) return undefined
  const mask = field("mask")
  return {
    _tag: "magic",
    offset: Number(field("offset") ?? 0),
    magic: Buffer.from(magic, "hex"),
    mask: mask === undefined ? undefined : Buffer.from(mask, "hex")
  }
}

/** Tells whether a handler takes a file. */
export const takes = (handler: Handler, file: string, head: Buffer): boolean => {
  if (handler._tag === "extension") return file.endsWith(`.${handler.extension}`)
  const { magic, mask, offset } = handler
  return head.length >= offset + magic.length &&
    magic.every((byte, i) => ((head[offset + i] ?? 0) & (mask?.[i] ?? 0xff)) === (byte & (mask?.[i] ?? 0xff)))
}

const directory = "/proc/sys/fs/binfmt_misc"

const read = (): ReadonlyArray<Handler> => {
  try {
    if (fs.readFileSync(`${directory}/status`, "latin1").trim() !== "enabled") return []
    return fs.readdirSync(directory)
      .filter((name) => name !== "register" && name !== "status")
      .flatMap((name) => parseHandler(fs.readFileSync(`${directory}/${name}`, "latin1")) ?? [])
  } catch {
    return [] // Not mounted, or not readable: then nobody can tell, and the kernel's own formats are what counts.
  }
}

let handlers: ReadonlyArray<Handler> | undefined

/** The formats registered when this was first asked. */
export const registered = (): ReadonlyArray<Handler> => handlers ??= read()
