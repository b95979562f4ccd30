// Has Node take the project's files as they are on the disk, where their types were erased: see image.mjs.
import { readFileSync } from "node:fs"
import { registerHooks } from "node:module"

registerHooks({
  load: (url, context, next) => {
    const { pathname, protocol } = new URL(url)
    return protocol === "file:" && pathname.endsWith(".ts")
      ? { format: "module", shortCircuit: true, source: readFileSync(decodeURIComponent(pathname)) }
      : next(url, context)
  }
})
