/**
 * One guest: a virtual machine without network that boots, runs the tests in one layout, and is gone.
 */
import { spawn } from "node:child_process"
import { closeSync, ftruncateSync, openSync, readFileSync } from "node:fs"
import { which } from "./needs.mjs"

const reportSize = 8 * 1024 * 1024

/** Processors are emulated unless the real ones can do it: a `/dev/kvm` without their help is slower still. */
const acceleration = () =>
  /^flags.*\b(vmx|svm)\b/m.test(readFileSync("/proc/cpuinfo", "latin1")) && canUse("/dev/kvm")
    ? { words: ["-accel", "kvm", "-cpu", "host"], slowness: 2 }
    : { words: ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max"], slowness: 10 }

const canUse = (file) => {
  try {
    closeSync(openSync(file, "r+"))
    return true
  } catch {
    return false
  }
}

const machine = "-machine q35 -smp 2 -m 2048 -nodefaults -no-user-config -no-reboot -display none".split(" ")

/** A comma ends a value, unless it is doubled. */
const disk = (file, id, options) => {
  const drive = `file=${file.replaceAll(",", ",,")},format=raw,if=none,id=${id},${options}`
  return ["-drive", drive, "-device", `nvme,drive=${id},serial=${id}`]
}

const makeReport = (file) => {
  const fd = openSync(file, "w")
  ftruncateSync(fd, reportSize)
  closeSync(fd)
}

const readReport = (file) => {
  const text = readFileSync(file, "utf8")
  return JSON.parse(text.slice(0, text.indexOf("\0")) || "null")
}

/**
 * Runs the tests in a layout. Answers with vitest's report, or null where the guest did not come so far or took too long;
 * the console is in `log`.
 */
export const run = ({ disk: system, kernel, layout, log, report, seconds }) =>
  new Promise((resolve, reject) => {
    const { slowness, words } = acceleration()
    makeReport(report)
    const parameters = [
      "console=ttyS0 quiet panic=-1 reboot=t tsc=reliable mitigations=off",
      "root=/dev/nvme0n1 rw init=/guest/init",
      `processkit_layout=${layout} processkit_slowness=${slowness}`
    ].join(" ")
    const guest = spawn(which("qemu-system-x86_64"), [
      ...words,
      ...machine,
      ...disk(system, "system", "snapshot=on"),
      ...disk(report, "report", "cache=writeback"),
      "-serial",
      `file:${log.replaceAll(",", ",,")}`,
      "-kernel",
      kernel,
      "-append",
      parameters
    ], { stdio: ["ignore", "inherit", "inherit"], timeout: seconds * 1000, killSignal: "SIGKILL" })
    const end = () => guest.kill("SIGKILL")
    process.once("exit", end)
    guest.once("error", reject)
    guest.once("exit", () => {
      process.removeListener("exit", end)
      resolve(readReport(report))
    })
  })
