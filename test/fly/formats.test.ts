/**
 * Configurations of apps as people write them, read by Effect's own parsers: what these refuse must not cost an app its name.
 */
import { assert, describe, it } from "@effect/vitest"
import { FlyApps } from "effect-atlas/fly"
import * as Toml from "effect/encoding/Toml"
import * as Yaml from "effect/encoding/Yaml"
import * as Result from "effect/Result"

const nameIn = (text: string, file: FlyApps.FileName): string | null =>
  Result.match(FlyApps.parseAppName(text, file), { onFailure: () => null, onSuccess: (name) => name })

const lines = (...all: ReadonlyArray<string>) => `${all.join("\n")}\n`

const toml = {
  "as fly writes it": lines(
    "# fly.toml app configuration file generated for acme on 2026-05-01T10:00:00+02:00",
    "app = 'acme'",
    "primary_region = 'fra'",
    "[build]",
    "[http_service]",
    "  internal_port = 8080",
    "  processes = ['app']",
    "[[vm]]",
    "  memory = '1gb'"
  ),
  "tables of tables": lines(
    "app = \"acme\"",
    "[[services]]",
    "  protocol = \"tcp\"",
    "  [[services.ports]]",
    "    port = 443",
    "    handlers = [\"tls\", \"http\"]",
    "  [services.concurrency]",
    "    hard_limit = 25"
  ),
  "an inline table, dotted and quoted keys": lines(
    "app = \"acme\"",
    "env = { A = \"1\", \"DOTTED.KEY\" = \"2\" }",
    "build.args.X = \"1\"",
    "[checks . alive]",
    "type = \"tcp\""
  ),
  "numbers and dates of every kind": lines(
    "app = \"acme\"",
    "a = [0xFF, 0o755, 1_000]",
    "b = 2026-05-01T10:00:00Z",
    "c = 07:32:00",
    "d = -1e6"
  ),
  "text of several lines that ends in quotes": lines("x = \"\"\"a\"b\"\"\"\"", "y = '''a''b'''''", "app = \"acme\"")
}

/** What the parser refuses, though other parsers of TOML take it. */
const refusedToml = {
  "an inline table over several lines, as of TOML 1.1": lines("app = \"acme\"", "env = {", "  A = 1", "}"),
  "an escape of TOML 1.1": lines("app = \"acme\"", "x = \"\\e[0m\""),
  "a number that no number of JavaScript is": lines("app = \"acme\"", "x = 9223372036854775807")
}

const yaml = {
  "as it is usually written": lines(
    "# ours",
    "app: acme # the name",
    "env:",
    "  URL: http://x:80/y#z",
    "services:",
    "- ports:",
    "    - port: 80",
    "      handlers: [http]",
    "  protocol: tcp",
    "build:"
  ),
  "text of several lines": lines("note: |", "  app: other", "more: >-", "  folded", "  text", "app: acme"),
  "anchors and merge keys": lines("x: &x { b: 1 }", "y:", "  <<: *x", "app: \"acme\""),
  "JSON": lines("{", "  \"app\": \"acme\",", "  \"env\": { \"A\": \"1\" }", "}"),
  "a directive": lines("%YAML 1.2", "---", "app: acme", "...")
}

/** What the parser refuses, though other parsers of YAML take it. */
const refusedYaml = {
  "a list that begins on the line of its parent's entry": lines("app: acme", "x:", "- - a"),
  "quoted text of several lines in a flow": lines("app: acme", "x: [\"a", "  b\"]")
}

describe("a fly.toml of the wild", () => {
  it.each(Object.entries(toml))("is TOML to the parser and gives its name: %s", (_, text) => {
    assert.isTrue(Result.isSuccess(Toml.parse(text)))
    assert.strictEqual(nameIn(text, "fly.toml"), "acme")
  })

  it.each(Object.entries(refusedToml))("gives its name by its lines where the parser refuses it: %s", (_, text) => {
    assert.isTrue(Result.isFailure(Toml.parse(text)))
    assert.strictEqual(nameIn(text, "fly.toml"), "acme")
  })
})

describe("a fly.yaml of the wild", () => {
  it.each(Object.entries(yaml))("is YAML to the parser and gives its name: %s", (_, text) => {
    assert.doesNotThrow(() => Yaml.parse(text))
    assert.strictEqual(nameIn(text, "fly.yaml"), "acme")
  })

  it("gives the name of its first document, though the parser refuses a stream of several", () => {
    for (
      const first of [
        "app: acme\n",
        "---\napp: acme\n",
        "# x\n\n--- # y\nz: |\n  --- no\napp: acme\n"
      ]
    ) {
      const text = `${first}---\napp: other\n`
      assert.throws(() => Yaml.parse(text), /documents/)
      assert.strictEqual(nameIn(text, "fly.yaml"), "acme", text)
    }
  })

  it.each(Object.entries(refusedYaml))("is refused as a whole, never read as another name: %s", (_, text) => {
    assert.throws(() => Yaml.parse(text))
    assert.isNull(nameIn(text, "fly.yaml"))
  })
})
