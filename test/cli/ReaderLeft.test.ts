import { assert, describe, it } from "@effect/vitest"
import { ruleOf } from "../../src/cli/ReaderLeft.ts"

describe("when the reader of stdout leaves", () => {
  it.each([
    "",
    "ps",
    "--provider up ps",
    "get up",
    "logs -f task",
    "sessions",
    "fly logs acme-web -f",
    "fly token get acme-web",
    "job get e1 j1",
    "volumes ls"
  ])("what only reads ends: %j", (line) => {
    assert.strictEqual(ruleOf(line.split(" ").filter((word) => word !== "")), "end")
  })

  it.each(["up", "up --port 80", "--json up", "check runpod"])("what rents while it runs hands back: %s", (line) => {
    assert.strictEqual(ruleOf(line.split(" ")), "hand back")
  })

  it.each([
    "up --detach",
    "up -d --port 80",
    "task",
    "down ps",
    "stop get",
    "reap",
    "fly deploy",
    "fly token refresh acme-web",
    "job run e1",
    "job cancel e1 j1",
    "volumes create --name get",
    "sessions forget s1",
    "a-command-to-come"
  ])("what has an effect outside goes on: %s", (line) => {
    assert.strictEqual(ruleOf(line.split(" ")), "go on")
  })
})
