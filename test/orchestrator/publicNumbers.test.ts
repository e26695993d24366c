/**
 * What a session tells, in code: times are instants and durations, money is US dollars, and nothing else but counts is a number.
 */
import { assert, it } from "@effect/vitest"
import { Orchestrator, OrchestratorTopics, SessionInfo } from "effect-atlas/orchestrator"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"

/** The names of the fields that hold a number, at any depth; tags of classes and the JSON behind a type are not looked at. */
const numbersIn = (ast: SchemaAST.AST, name: string, found: Set<string>): Set<string> => {
  switch (ast._tag) {
    case "Number":
      return found.add(name)
    case "Union":
      for (const type of ast.types) numbersIn(type, name, found)
      return found
    case "Objects":
      for (const { name: field, type } of ast.propertySignatures) numbersIn(type, String(field), found)
      return found
    case "Arrays":
      for (const type of [...ast.elements, ...ast.rest]) numbersIn(type, name, found)
      return found
    default:
      return found
  }
}

const counts = ["attempt", "exitCode", "gpuCount", "lost", "respawns", "status", "tries"]
const money = ["billedUsd", "estimatedUsd", "maxCost", "spentUsd"]

it.each<readonly [string, Schema.Top]>([
  ["SessionInfo", SessionInfo.SessionInfo],
  ["EventEnvelope", OrchestratorTopics.EventEnvelope],
  ["SessionElement", Orchestrator.SessionElement]
])("every number in %s is a count or money", (_, schema) => {
  const found = numbersIn(Schema.toType(schema).ast, "", new Set())
  assert.include([...found], "spentUsd")
  assert.deepStrictEqual([...found].filter((name) => ![...counts, ...money].includes(name)), [])
})
