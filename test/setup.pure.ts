/**
 * A pure test that starts a process has the wrong name: it would wait in a worker that others compute in.
 */
import childProcess from "node:child_process"
import { syncBuiltinESMExports } from "node:module"

for (const name of ["exec", "execFile", "execFileSync", "execSync", "fork", "spawn", "spawnSync"] as const) {
  Object.assign(childProcess, {
    [name]: (program: string) => {
      throw new Error(`a pure test starts ${program}: name the file *.process.test.ts`)
    }
  })
}
syncBuiltinESMExports()
