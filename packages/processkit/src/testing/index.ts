export * as Reply from "./Reply.ts"
export * as ScriptedRunner from "./ScriptedRunner.ts"
