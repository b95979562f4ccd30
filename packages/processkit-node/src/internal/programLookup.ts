/**
 * Where a program is looked for, and which of the candidates is taken.
 */
import * as Result from "effect/Result"
import * as path from "node:path"
import * as ProcessError from "processkit/ProcessError"

/**
 * The directories searched where the child has no PATH at all, in the order of confstr(3) `_CS_PATH` of glibc 2.36; the
 * working directory, which execvp(3) once added, is not among them.
 */
export const defaultPath: ReadonlyArray<string> = ["/bin", "/usr/bin"]

/** What stands at a candidate's path; `obstacle` is the errno for which nobody can say. */
export type Found = "program" | "nothing" | "unusable" | { readonly obstacle: string }

/** Where to look, in order; `searched` is undefined where the program was given as a path. */
export interface Candidates {
  readonly paths: ReadonlyArray<string>
  readonly searched: ReadonlyArray<string> | undefined
}

/**
 * Lists the candidates for a program.
 *
 * A name without a slash is looked up in `preferLocal`, relative to the owner's directory, and then in the PATH that
 * the child will have. Empty and relative entries of PATH are skipped: they would run whatever lies in some directory.
 * A name with a slash is a path, relative to the directory of the child.
 */
export const candidates = (options: {
  readonly program: string
  readonly preferLocal: ReadonlyArray<string>
  readonly path: string | undefined
  readonly childDirectory: () => string
  readonly ownerDirectory: () => string
}): Candidates => {
  const { childDirectory, ownerDirectory, preferLocal, program } = options
  if (program.startsWith("/")) return { paths: [program], searched: undefined }
  if (program.includes("/")) return { paths: [`${childDirectory()}/${program}`], searched: undefined }
  const local = preferLocal.map((entry) => path.isAbsolute(entry) ? entry : path.resolve(ownerDirectory(), entry))
  const given = options.path?.split(":").filter((entry) => entry.startsWith("/"))
  const entries = given ?? defaultPath
  const searched = [...local, ...entries]
  return { paths: searched.map((directory) => `${directory}/${program}`), searched }
}

/**
 * Takes the first candidate that is a program.
 *
 * A directory or a file that may not be executed is passed over, as execvp(3) does; if nothing better turns up, it is
 * the reason for the failure. A directory of PATH that may not be searched is no reason: nobody knows what is in it.
 */
export const choose = (
  program: string,
  { paths, searched }: Candidates,
  inspect: (path: string) => Found
): Result.Result<string, ProcessError.Reason> => {
  let unusable = false
  for (const candidate of paths) {
    const found = inspect(candidate)
    if (found === "program") return Result.succeed(candidate)
    if (found === "unusable") unusable = true
    if (typeof found === "object" && searched === undefined) {
      return Result.fail(inTheWay(program, found.obstacle))
    }
  }
  return Result.fail(
    unusable
      ? new ProcessError.PermissionDenied({ program, errno: "EACCES" })
      : new ProcessError.NotFound({ program, searched })
  )
}

const inTheWay = (program: string, errno: string): ProcessError.Reason =>
  errno === "EACCES" || errno === "EPERM"
    ? new ProcessError.PermissionDenied({ program, errno })
    : new ProcessError.SpawnFailed({ program, errno })
