export * as BackendPrograms from "./BackendPrograms.ts"
export * as BackendSuite from "./BackendSuite.ts"
export * as Reply from "./Reply.ts"
export * as ScriptedRunner from "./ScriptedRunner.ts"
