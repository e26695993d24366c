/**
 * Apps found in source trees, real ones on disk, and names read from good and bad files.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { FlyApps } from "effect-atlas/fly"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Logger from "effect/Logger"
import * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"

const nameIn = (text: string): string | null =>
  Result.match(FlyApps.parseAppName(text), { onFailure: () => null, onSuccess: (name) => name })

const complaint = (text: string): string =>
  Result.match(FlyApps.parseAppName(text), { onFailure: ({ message }) => message, onSuccess: (name) => name })

describe("the name in a fly.toml", () => {
  it.each([
    ["in double quotes", "app = \"acme-web\"\nprimary_region = \"fra\"\n", "acme-web"],
    ["in single quotes, oddly spaced, with a comment", "  app   =   'acme-api'   # app = \"old-name\"\n", "acme-api"],
    ["not on the first line, with a quoted key", "kill_timeout = \"30s\"\n\"app\" = \"acme-jobs\"\n", "acme-jobs"],
    ["below commented-out ones", "# app = \"acme-dev\"\n#app = \"x\"\napp = \"acme-prod\"\n", "acme-prod"],
    ["above a process group called app", "app = \"multi\"\n[processes]\n  app = \"node server.js\"\n", "multi"],
    ["with CRLF line ends", "app = \"acme-crlf\"\r\nprimary_region = \"ord\"\r\n", "acme-crlf"],
    ["after a byte order mark", "\u{feff}app = \"acme-bom\"\n", "acme-bom"],
    [
      "after a string of several lines that holds a false one",
      "console_command = \"\"\"\napp = \"fake\"\n[env]\napp = 'fake'\n\"\"\"\napp = \"acme-real\"\n",
      "acme-real"
    ],
    ["written with an escape", "app = \"acme\\u002dweb\"\n", "acme-web"]
  ])("is found %s", (_, text, name) => {
    assert.strictEqual(nameIn(text), name)
  })

  it.each([
    ["under [env]", "primary_region = \"lhr\"\n[env]\n  app = \"not-the-app\"\n"],
    ["under [processes]", "[processes]\n  app = \"node\"\n"],
    ["in a string of several lines", "[deploy]\nrelease_command = '''\napp = \"fake\"\n'''\n"],
    ["a number", "app = 42\n"],
    ["a dotted key", "app.name = \"acme-dotted\"\n"],
    ["an inherited property", "[toString]\nx = 1\n"],
    ["of another key", "application = \"x\"\n"]
  ])("is not %s", (_, text) => {
    assert.isNull(nameIn(text))
  })

  it.each([
    ["", "nothing"],
    ["app = \"my app\"", "whitespace"],
    ["app = \"\"", "an empty value"],
    ["app = \"../other\"", "a path"],
    ["app = \"a/b\"", "a slash"],
    [`app = "${"a".repeat(300)}"`, "300 characters"],
    ["app = \"-x\"", "a flag"],
    ["app = \"x\0\"", "a NUL"]
  ])("%j is refused: %s", (text) => {
    assert.isNull(nameIn(text))
    assert.match(complaint(text), /validation: app: Expected/)
  })
})

describe("a fly.toml that is no TOML is read by lines", () => {
  it.each([
    ["no quotes", "app = acme-unquoted\nprimary_region = \"fra\"\n", "acme-unquoted"],
    ["no quotes, spaces and a comment", "  app=acme   # name\r\n", "acme"],
    ["quotes, and a mistake elsewhere", "app = 'acme' # it\nregion = fra\n", "acme"],
    ["a byte order mark", "\u{feff}app = acme\n", "acme"],
    ["the same name twice", "app = acme\napp = \"acme\"\n", "acme"],
    ["a false name in a string of several lines", "x = \"\"\"\napp = fake\n\"\"\"\napp = acme\n", "acme"]
  ])("%s", (_, text, name) => {
    assert.strictEqual(nameIn(text), name)
  })

  it.each([
    ["a table header ends the search", "region = fra\n[env]\napp = \"fake\"\n"],
    ["an indented header too", "region = fra\n  [[vm]]\napp = \"fake\"\n"],
    ["the value ends on its line", "app =\nprimary_region = fra\n"],
    ["two words are no name", "app = my app\n"],
    ["a quote in the middle is no name", "app = my\"app\n"],
    ["words after a quoted value", "app = \"x\" y\n"],
    ["two different names", "app = \"one\"\napp = \"two\"\n"],
    ["a comment", "# app = x\nregion = fra\n"],
    ["a dotted key", "app.name = x\n"],
    ["another key", "application = x\n"]
  ])("%s", (_, text) => {
    assert.isNull(nameIn(text))
  })

  it("nothing it is given makes it throw", () => {
    const junk = ["[".repeat(100_000), "app = ".repeat(50_000), `a = ${"[".repeat(50_000)}`, "\"\"\"", "=", "\r\r\n"]
    for (const text of junk) assert.isNull(nameIn(text))
  })
})

describe.each<readonly [FlyApps.FileName, ReadonlyArray<readonly [string, string, string | null]>]>(
  [
    ["fly.json", [
      ["the usual one", "{\"app\":\"acme-json\",\"primary_region\":\"fra\"}", "acme-json"],
      ["a byte order mark and CRLF", "\u{feff}{\r\n  \"app\": \"acme\"\r\n}\r\n", "acme"],
      ["only below another key", "{\"env\":{\"app\":\"x\"}}", null],
      ["a number", "{\"app\":42}", null],
      ["a list", "[\"app\"]", null],
      ["null", "null", null],
      ["an inherited property", "{\"__proto__\":{\"app\":\"x\"}}", null],
      ["comments, which JSON has not", "{\"app\":\"x\" /* name */}", null],
      ["nothing", "", null],
      ["deep nesting", `{"app":"x","a":${"[".repeat(100_000)}`, null]
    ]],
    ["fly.yaml", [
      ["the usual one", "app: acme-yaml\nprimary_region: fra\n", "acme-yaml"],
      ["quotes, a comment, CRLF and a byte order mark", "\u{feff}# app: old\r\n'app': \"acme\" # new\r\n", "acme"],
      ["the first of several documents", "---\napp: one\n---\napp: two\n", "one"],
      ["only below another key", "env:\n  app: x\n", null],
      ["a number", "app: 42\n", null],
      ["no value", "app:\n", null],
      ["two names", "app: one\napp: two\n", null],
      ["not YAML", "app: [x\n", null],
      ["a path", "app: ../x\n", null],
      ["nothing", "", null],
      [
        "aliases of aliases, which share what they mean",
        `a: &a [x]\n${
          Array.from(
            { length: 30 },
            (_, n) => `b${n}: &b${n} [*${n === 0 ? "a" : `b${n - 1}`}, *${n === 0 ? "a" : `b${n - 1}`}]\n`
          ).join("")
        }app: x\n`,
        "x"
      ]
    ]]
  ]
)("the name in a %s", (file, samples) => {
  it.each([...samples])("%s", (_, text, name) => {
    assert.strictEqual(
      Result.match(FlyApps.parseAppName(text, file), { onFailure: () => null, onSuccess: (found) => found }),
      name
    )
  })
})

/** A tree of files; a path that ends in a slash is an empty directory. */
const withTree = <A, E, R>(
  files: Readonly<Record<string, string | Uint8Array>>,
  use: (root: string) => Effect.Effect<A, E, R>
) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const root = fs.mkdtempSync(join(tmpdir(), "atlas-fly-apps-"))
      for (const [path, content] of Object.entries(files)) {
        fs.mkdirSync(path.endsWith("/") ? join(root, path) : dirname(join(root, path)), { recursive: true })
        if (!path.endsWith("/")) fs.writeFileSync(join(root, path), content)
      }
      return root
    }),
    use,
    (root) => Effect.sync(() => fs.rmSync(root, { recursive: true, force: true }))
  ).pipe(Effect.provide(NodeServices.layer))

const app = (name: string) => `app = "${name}"\n`

const found = (root: string, maxDepth?: number) =>
  Effect.map(
    FlyApps.discoverApps(root, { maxDepth }),
    (apps) => apps.map(({ directory, name }) => `${name} ${directory.slice(root.length) || "/"}`)
  )

describe("discovery", () => {
  const tree = {
    "fly.toml": app("root"),
    "web/fly.toml": app("web"),
    "api/fly.toml": app("api"),
    "apps/mail/fly.toml": app("mail"),
    "apps/deep/er/fly.toml": app("deeper")
  }

  it.effect("looks in the directory and one level below, sorted by name", () =>
    withTree(tree, (root) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* found(root), ["api /api", "root /", "web /web"])
      })))

  it.effect.each([
    { depth: 0, count: 1 },
    { depth: 1, count: 3 },
    { depth: 2, count: 4 },
    { depth: 3, count: 5 },
    { depth: Infinity, count: 5 }
  ])("at depth $depth it finds $count", ({ count, depth }) =>
    withTree(tree, (root) =>
      Effect.gen(function*() {
        assert.lengthOf(yield* found(root, depth), count)
      })))

  it.effect("sorts apps of one name by directory, whatever order the disk has", () =>
    withTree(
      { "b/fly.toml": app("same"), "c/fly.toml": app("same"), "a/fly.toml": app("same") },
      (root) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* found(root), ["same /a", "same /b", "same /c"])
        })
    ))

  it.effect("a relative path is one below the working directory, and the answer is absolute", () =>
    withTree({ "fly.toml": app("here") }, (root) =>
      Effect.gen(function*() {
        const [apps] = yield* FlyApps.discoverApps(relative(process.cwd(), root))
        assert.deepStrictEqual(apps, { name: apps?.name, directory: root })
      })))

  it.effect("a path that is no directory has no apps", () =>
    withTree({ "fly.toml": app("x") }, (root) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* found(join(root, "fly.toml")), [])
        assert.deepStrictEqual(yield* found(join(root, "nowhere")), [])
        assert.deepStrictEqual(yield* found("a\0b"), [])
      })))

  it.effect("does not enter .git and node_modules", () =>
    withTree({
      ".git/fly.toml": app("git"),
      "node_modules/x/fly.toml": app("dep"),
      "a/node_modules/fly.toml": app("dep")
    }, (root) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* found(root, 4), [])
      })))

  it.effect("does not follow links to directories, not even into a loop", () =>
    withTree({ "real/fly.toml": app("real"), "outside/": "" }, (root) =>
      Effect.gen(function*() {
        fs.symlinkSync(join(root, "real"), join(root, "outside", "link"))
        fs.symlinkSync(root, join(root, "loop"))
        fs.symlinkSync("self", join(root, "self"))
        assert.deepStrictEqual(yield* found(root, 20), ["real /real"])
      })))

  it.effect("a fly.toml that is a link counts if it leads to a regular file, as for fly itself", () =>
    withTree(
      { "shared.toml": app("shared"), "a/": "", "b/": "", "c/": "", "d/": "" },
      (root) =>
        Effect.gen(function*() {
          fs.symlinkSync(join(root, "shared.toml"), join(root, "a", "fly.toml"))
          fs.symlinkSync("/dev/zero", join(root, "b", "fly.toml"))
          fs.symlinkSync("fly.toml", join(root, "c", "fly.toml"))
          fs.symlinkSync("nowhere", join(root, "d", "fly.toml"))
          assert.deepStrictEqual(yield* found(root), ["shared /a"])
        })
    ))

  it.effect("skips a fly.toml that is a directory, a pipe without a writer, 100 MB of text, binary, or without a name", () =>
    withTree({
      "good/fly.toml": app("good"),
      "directory/fly.toml/fly.toml": app("inside"),
      "pipe/": "",
      "huge/": "",
      "junk/fly.toml": new Uint8Array([0x61, 0x70, 0x70, 0x3d, 0x78, 0x0a, 0xff, 0xfe, 0x00]),
      "latin/fly.toml": new Uint8Array([...new TextEncoder().encode("app = x # caf"), 0xe9]),
      "nameless/fly.toml": "[env]\napp = \"x\"\n"
    }, (root) =>
      Effect.gen(function*() {
        assert.strictEqual(spawnSync("sh", ["-c", "mkfifo \"$0\"", join(root, "pipe", "fly.toml")]).status, 0)
        fs.writeFileSync(join(root, "huge", "fly.toml"), app("huge"))
        fs.truncateSync(join(root, "huge", "fly.toml"), 100_000_000)
        assert.deepStrictEqual(yield* found(root), ["good /good"])
      })))

  it.effect("reads fly.toml, then fly.json, then fly.yaml, and only the first of them", () =>
    withTree({
      "json/fly.json": "{\"app\":\"json\"}",
      "yaml/fly.yaml": "app: yaml\n",
      "yml/fly.yml": "app: yml\n",
      "all/fly.toml": app("toml"),
      "all/fly.json": "{\"app\":\"not-json\"}",
      "two/fly.json": "{\"app\":\"two\"}",
      "two/fly.yaml": "app: not-yaml\n",
      "nameless/fly.toml": "[env]\n",
      "nameless/fly.yaml": "app: not-this\n",
      "directory/fly.toml/": "",
      "directory/fly.yaml": "app: beside\n"
    }, (root) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* found(root), [
          "beside /directory",
          "json /json",
          "toml /all",
          "two /two",
          "yaml /yaml"
        ])
      })))

  it.effect("a file that cannot be used fails alone, with the reason", () =>
    withTree({
      "good/fly.toml": app("good"),
      "json/fly.json": "{",
      "nameless/fly.yaml": "primary_region: fra\n",
      "pipe/": "",
      "huge/": ""
    }, (root) =>
      Effect.gen(function*() {
        assert.strictEqual(spawnSync("mkfifo", [join(root, "pipe", "fly.json")]).status, 0)
        fs.writeFileSync(join(root, "huge", "fly.yaml"), "app: huge\n")
        fs.truncateSync(join(root, "huge", "fly.yaml"), 100_000_000)
        const warnings: Array<string> = []
        const logger = Logger.make(({ message }) => void warnings.push(String(message).replace(root, "")))
        assert.deepStrictEqual(yield* found(root).pipe(Effect.provide(Logger.layer([logger]))), ["good /good"])
        assert.deepStrictEqual(warnings.toSorted(), [
          "/huge/fly.yaml is left out: it is larger than 1048576 bytes",
          "/json/fly.json is left out: it names no app: app: Expected JSON",
          "/nameless/fly.yaml is left out: it names no app: app: Expected a top-level key such as app: my-app",
          "/pipe/fly.json is left out: it is no regular file"
        ])
      })))

  it.effect("a directory called fly.toml is entered like any other", () =>
    withTree({ "fly.toml/fly.toml": app("inside") }, (root) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* found(root), ["inside /fly.toml"])
      })))

  it.effect("reads a name after a byte order mark, with a warning, in CRLF and in a file of the largest size", () =>
    withTree({
      "bom/fly.toml": "\u{feff}app = \"bom\"\r\n",
      "large/fly.toml": app("large") + "#".repeat(1024 * 1024 - app("large").length)
    }, (root) =>
      Effect.gen(function*() {
        const warnings: Array<string> = []
        const logger = Logger.make(({ logLevel, message }) => void warnings.push(`${logLevel} ${String(message)}`))
        assert.deepStrictEqual(
          yield* found(root).pipe(Effect.provide(Logger.layer([logger]))),
          ["bom /bom", "large /large"]
        )
        assert.deepStrictEqual(warnings, [
          `Warn ${
            join(root, "bom", "fly.toml")
          } starts with a byte order mark, which fly does not accept: save the file without it`
        ])
      })))

  it.effect("skips files and directories without permission to read, and goes on", () =>
    withTree(
      { "a/fly.toml": app("a"), "b/fly.toml": app("b"), "c/fly.toml": app("c") },
      (root) =>
        Effect.gen(function*() {
          const system = yield* FileSystem.FileSystem
          const denied = (method: string, path: string) =>
            Effect.fail(
              PlatformError.systemError({
                _tag: "PermissionDenied",
                module: "FileSystem",
                method,
                pathOrDescriptor: path
              })
            )
          // for root nothing is unreadable
          const strict = FileSystem.FileSystem.of({
            ...system,
            readDirectoryEntries: (path) =>
              path === join(root, "a") ? denied("readDirectoryEntries", path) : system.readDirectoryEntries(path),
            readFile: (path) => path === join(root, "b", "fly.toml") ? denied("readFile", path) : system.readFile(path)
          })
          assert.deepStrictEqual(
            yield* found(root).pipe(Effect.provideService(FileSystem.FileSystem, strict)),
            ["c /c"]
          )
        })
    ))

  it.effect("asks for the kind of an entry where the listing does not say", () =>
    withTree({ "a/fly.toml": app("a"), "real/": "" }, (root) =>
      Effect.gen(function*() {
        fs.symlinkSync(join(root, "a"), join(root, "link"))
        const system = yield* FileSystem.FileSystem
        const silent = FileSystem.FileSystem.of({
          ...system,
          readDirectoryEntries: (path) =>
            Effect.map(
              system.readDirectoryEntries(path),
              (entries) => entries.map(({ name }) => ({ name, type: "Unknown" as const }))
            )
        })
        assert.deepStrictEqual(
          yield* found(root).pipe(Effect.provideService(FileSystem.FileSystem, silent)),
          ["a /a"]
        )
      })))
})
