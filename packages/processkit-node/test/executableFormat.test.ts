import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as BinfmtMisc from "../src/internal/binfmtMisc.ts"
import type { Machine } from "../src/internal/executableFormat.ts"
import { classify, headBytes } from "../src/internal/executableFormat.ts"

const linux: Machine = { platform: "linux", arch: "x64" }
const darwin: Machine = { platform: "darwin", arch: "arm64" }

const elf = (fields: { type?: number; machine?: number; entry?: number; count?: number; offset?: number } = {}) => {
  const head = Buffer.alloc(headBytes)
  head.writeUInt32BE(0x7f454c46, 0)
  head[4] = 2
  head[5] = 1
  head.writeUInt16LE(fields.type ?? 3, 16)
  head.writeUInt16LE(fields.machine ?? 62, 18)
  head.writeBigUInt64LE(BigInt(fields.offset ?? 64), 32)
  head.writeUInt16LE(fields.entry ?? 56, 54)
  head.writeUInt16LE(fields.count ?? 9, 56)
  return head
}

const tag = (head: Buffer, size = 100_000, machine = linux) => classify(head, size, machine)._tag
const text = (content: string) => Buffer.from(content).subarray(0, headBytes)

describe("an ELF file", () => {
  it("is a binary when it is for this machine", () => {
    assert.strictEqual(tag(elf()), "binary")
    assert.strictEqual(tag(elf({ type: 2 })), "binary")
    assert.strictEqual(tag(elf({ machine: 183 }), 100_000, { platform: "linux", arch: "arm64" }), "binary")
  })
  it("is unknown when it is for another machine, an object file, or damaged", () => {
    assert.strictEqual(tag(elf({ machine: 183 })), "unknown")
    assert.strictEqual(tag(elf({ type: 1 })), "unknown")
    assert.strictEqual(tag(elf({ entry: 32 })), "unknown")
    assert.strictEqual(tag(elf({ count: 0 })), "unknown")
  })
  it("is unknown when it ends before its program headers", () => {
    assert.strictEqual(tag(elf().subarray(0, 20), 20), "unknown")
    assert.strictEqual(tag(elf().subarray(0, 60), 60), "unknown")
    assert.strictEqual(tag(elf().subarray(0, 200), 200), "unknown")
    assert.strictEqual(tag(elf({ offset: 5000 }), 5100), "unknown")
  })
  it("is accepted on an architecture we have no list for", () => {
    assert.strictEqual(tag(elf({ machine: 999 }), 100_000, { platform: "linux", arch: "vax" }), "binary")
  })
  it("is what Node itself is", () => {
    if (process.platform !== "linux") return
    const file = fs.readFileSync(process.execPath)
    assert.strictEqual(classify(file.subarray(0, headBytes), file.length, process)._tag, "binary")
  })
})

const interpreter = (content: string, machine = linux) => {
  const format = classify(text(content), content.length, machine)
  return format._tag === "script" ? format.interpreter : undefined
}

describe("a script", () => {
  it("names its interpreter, with or without blanks and argument", () => {
    assert.strictEqual(interpreter("#!/bin/sh\necho"), "/bin/sh")
    assert.strictEqual(interpreter("#! \t/bin/sh -e\necho"), "/bin/sh")
    assert.strictEqual(interpreter("#!/usr/bin/env node"), "/usr/bin/env")
    assert.strictEqual(interpreter("#!bin/tool\n"), "bin/tool")
  })
  it("keeps a carriage return in the name, since the kernel does", () => {
    assert.strictEqual(interpreter("#!/bin/sh\r\n"), "/bin/sh\r")
  })
  it("is unknown without an interpreter", () => {
    assert.isUndefined(interpreter("#!\n/bin/sh"))
    assert.isUndefined(interpreter("#!   \n"))
    assert.isUndefined(interpreter("#!"))
  })
  it("is unknown when the path of the interpreter may have been cut off", () => {
    assert.isUndefined(interpreter(`#!/${"x".repeat(300)}\n`))
    assert.strictEqual(interpreter(`#!/bin/sh ${"x".repeat(300)}\n`), "/bin/sh")
    assert.strictEqual(interpreter(`#!/${"x".repeat(252)}\n`), `/${"x".repeat(252)}`)
  })
  it("may have a longer line on macOS", () => {
    assert.strictEqual(interpreter(`#!/${"x".repeat(300)}\n`, darwin), `/${"x".repeat(300)}`)
    assert.isUndefined(interpreter(`#!/${"x".repeat(600)}\n`, darwin))
  })
})

describe("anything else", () => {
  it("is unknown: empty, text, zeros", () => {
    assert.strictEqual(tag(Buffer.alloc(0), 0), "unknown")
    assert.strictEqual(tag(text("echo hello\n"), 11), "unknown")
    assert.strictEqual(tag(Buffer.alloc(headBytes)), "unknown")
  })
  it("is a binary on macOS by the magic of Mach-O, thin or fat", () => {
    for (const magic of ["cffaedfe", "feedfacf", "cafebabe"]) {
      assert.strictEqual(tag(Buffer.from(magic + "00".repeat(60), "hex"), 64, darwin), "binary")
    }
    assert.strictEqual(tag(elf(), 100_000, darwin), "unknown")
  })
})

describe("a format registered by the administrator", () => {
  const qemu =
    "enabled\ninterpreter /usr/bin/qemu-aarch64\nflags: OCF\noffset 0\nmagic 7f454c46020101\nmask ffffffffffffff\n"
  it("takes a file by magic and mask", () => {
    const handler = BinfmtMisc.parseHandler(qemu)
    assert.isDefined(handler)
    assert.isTrue(BinfmtMisc.takes(handler, "/x", Buffer.from("7f454c4602010100", "hex")))
    assert.isFalse(BinfmtMisc.takes(handler, "/x", Buffer.from("7f454c46010101", "hex")))
    assert.isFalse(BinfmtMisc.takes(handler, "/x", Buffer.from("7f45", "hex")))
  })
  it("takes a file by extension", () => {
    const handler = BinfmtMisc.parseHandler("enabled\ninterpreter /usr/bin/java\nflags: \nextension .jar\n")
    assert.isDefined(handler)
    assert.isTrue(BinfmtMisc.takes(handler, "/x/tool.jar", Buffer.alloc(0)))
    assert.isFalse(BinfmtMisc.takes(handler, "/x/jar", Buffer.alloc(0)))
  })
  it("takes nothing while it is switched off", () => {
    assert.isUndefined(BinfmtMisc.parseHandler(qemu.replace("enabled", "disabled")))
  })
})
