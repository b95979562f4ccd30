import { describe, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Command from "processkit/Command"
import * as Pipeline from "processkit/Pipeline"
import type * as ProcessError from "processkit/ProcessError"
import type * as ProcessRunner from "processkit/ProcessRunner"
import { expectTypeOf } from "vitest"

type Run<A, R = never> = Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner | R>

const a = Command.make("a")
const pipeline = Pipeline.make(a, a)

describe("Pipeline", () => {
  it("is an effect that needs a runner and no scope", () => {
    expectTypeOf(pipeline).toExtend<Run<Pipeline.PipelineResult>>()
    expectTypeOf(Pipeline.checked(pipeline)).toEqualTypeOf<Run<Pipeline.PipelineResult>>()
    expectTypeOf(Pipeline.start(pipeline)).toEqualTypeOf<Run<Pipeline.RunningPipeline, Scope.Scope>>()
  })

  it("gives what the verbs of a command give", () => {
    expectTypeOf(Pipeline.run(pipeline)).toEqualTypeOf<Run<string>>()
    expectTypeOf(Pipeline.runUnit(pipeline)).toEqualTypeOf<Run<void>>()
    expectTypeOf(Pipeline.outputString(pipeline)).toEqualTypeOf<Run<Pipeline.PipelineResult>>()
    expectTypeOf(Pipeline.outputBytes(pipeline)).toEqualTypeOf<Run<Pipeline.PipelineResult<Uint8Array>>>()
    expectTypeOf(Pipeline.exitCode(pipeline)).toEqualTypeOf<Run<number>>()
    expectTypeOf(Pipeline.probe(pipeline)).toEqualTypeOf<Run<boolean>>()
    expectTypeOf(pipeline.pipe(Pipeline.parse(Number))).toEqualTypeOf<Run<number>>()
    expectTypeOf(Pipeline.tryParse(pipeline, () => Result.succeed(1))).toEqualTypeOf<Run<number>>()
    expectTypeOf(Pipeline.json(pipeline, Schema.Number)).toEqualTypeOf<Run<number>>()
    expectTypeOf(Pipeline.firstLine(pipeline, () => true)).toEqualTypeOf<Run<Option.Option<string>>>()
    expectTypeOf(Pipeline.stdoutLines(pipeline)).toEqualTypeOf<
      Stream.Stream<string, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
    >()
  })

  it("is what piping makes, in either order of arguments", () => {
    expectTypeOf(a.pipe(Command.pipeTo(a), Command.pipeTo(a), Pipeline.pipeTo(a))).toEqualTypeOf<Pipeline.Pipeline>()
    expectTypeOf(Command.pipeTo(a, a)).toEqualTypeOf<Pipeline.Pipeline>()
    expectTypeOf(pipeline.pipe(Pipeline.timeout("1 second"))).toEqualTypeOf<Pipeline.Pipeline>()
    expectTypeOf(a.pipe(Command.unchecked, Command.mergeStderr)).toEqualTypeOf<Command.Command>()
    // @ts-expect-error -- a pipeline needs a first stage
    Pipeline.make()
  })
})
