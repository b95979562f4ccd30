/**
 * Tells from the head of a file whether the kernel would execute it.
 *
 * Needed because execvp(3), through which Node starts programs, hands a file that the kernel rejects with ENOEXEC to
 * `/bin/sh`: an empty file would "succeed", and a text would be run as a script.
 */

/** As much of a file as the kernels look at: 256 bytes on Linux (`BINPRM_BUF_SIZE`), 512 on XNU (`IMG_SHSIZE`). */
export const headBytes = 512

/**
 * What the head of a file says.
 *
 * - `binary`: an executable of this machine.
 * - `script`: names an interpreter, which has to be looked at in turn.
 * - `unknown`: the kernel itself does not know it.
 */
export type Format =
  | { readonly _tag: "binary" }
  | { readonly _tag: "script"; readonly interpreter: string }
  | { readonly _tag: "unknown" }

/** The machine to judge for, in the words of `process.platform` and `process.arch`. */
export interface Machine {
  readonly platform: string
  readonly arch: string
}

const binary: Format = { _tag: "binary" }
const unknown: Format = { _tag: "unknown" }

/** Classifies a file by its first bytes (up to `headBytes`) and its size. */
export const classify = (head: Buffer, size: number, machine: Machine): Format => {
  if (head.length >= 2 && head[0] === 0x23 && head[1] === 0x21) return script(head, machine)
  return machine.platform === "darwin" ? machO(head) : elf(head, size, machine)
}

/**
 * The `#!` line as Linux reads it: the first 255 bytes count, and a line that is longer is accepted only if the
 * interpreter's path certainly ended within them. Source: `fs/binfmt_script.c`, Linux 5.1 and later.
 */
const script = (head: Buffer, machine: Machine): Format => {
  const limit = machine.platform === "darwin" ? 512 : 256
  const text = head.toString("latin1", 2, Math.min(head.length, limit))
  const newline = text.indexOf("\n")
  const isCut = newline < 0 && head.length >= limit
  const line = newline < 0 ? text : text.slice(0, newline)
  const parts = /^[ \t]*([^ \t\0]+)([ \t\0]?)/.exec(line)
  const interpreter = parts?.[1]
  if (interpreter === undefined || (isCut && parts?.[2] === "")) return unknown
  return { _tag: "script", interpreter: Buffer.from(interpreter, "latin1").toString("utf8") }
}

// e_machine by process.arch, own and 32-bit compatible ones. Source: elf(5), `include/uapi/linux/elf-em.h`.
const machines: Readonly<Record<string, ReadonlyArray<number>>> = {
  x64: [62, 3],
  ia32: [3],
  arm64: [183, 40],
  arm: [40],
  riscv64: [243],
  loong64: [258],
  ppc64: [21, 20],
  s390x: [22]
}

const executableTypes: ReadonlySet<number> = new Set([2, 3]) // ET_EXEC, ET_DYN

/**
 * Checks what the kernel checks before it commits itself: magic, class, type, machine, and program headers that lie
 * within the file. Source: `load_elf_binary` and `load_elf_phdrs` in `fs/binfmt_elf.c`, Linux 6.1.
 */
const elf = (head: Buffer, size: number, machine: Machine): Format => {
  if (head.length < 52 || head.readUInt32BE(0) !== 0x7f454c46) return unknown
  const is64 = head[4] === 2
  const isBig = head[5] === 2
  if (is64 && head.length < 64) return unknown
  const u16 = (at: number) => isBig ? head.readUInt16BE(at) : head.readUInt16LE(at)
  const u32 = (at: number) => isBig ? head.readUInt32BE(at) : head.readUInt32LE(at)
  const u64 = (at: number) => Number(isBig ? head.readBigUInt64BE(at) : head.readBigUInt64LE(at))
  const accepted = machines[machine.arch]
  if (!executableTypes.has(u16(16)) || (accepted !== undefined && !accepted.includes(u16(18)))) return unknown
  const [offset, entry, count] = is64 ? [u64(32), u16(54), u16(56)] : [u32(28), u16(42), u16(44)]
  if (entry !== (is64 ? 56 : 32) || count === 0 || offset + entry * count > size) return unknown
  return binary
}

// MH_MAGIC, MH_MAGIC_64 and FAT_MAGIC in both byte orders. Source: <mach-o/loader.h>, <mach-o/fat.h>, macOS 14.
const machOMagics: ReadonlySet<number> = new Set([
  0xfeedface,
  0xcefaedfe,
  0xfeedfacf,
  0xcffaedfe,
  0xcafebabe,
  0xbebafeca,
  0xcafebabf,
  0xbfbafeca
])

const machO = (head: Buffer): Format => head.length >= 4 && machOMagics.has(head.readUInt32BE(0)) ? binary : unknown
