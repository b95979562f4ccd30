export * as NodeProcessRunner from "./NodeProcessRunner.ts"
