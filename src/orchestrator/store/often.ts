/**
 * Schemas that are compiled once they are used often: that takes as long as the rows of a small store, and then checks the same in
 * half the time.
 */
import * as Compiler from "effect/schema/SchemaJITCompiler"
import type * as SchemaAST from "effect/SchemaAST"

/** Calls after which a schema is worth compiling. */
const manyCalls = 200

/** What `make` makes, and makes anew once its schema is compiled, where the runtime allows that. */
export const compiled = <I, O>(ast: SchemaAST.AST, make: () => (input: I) => O): (input: I) => O => {
  let calls = 0
  let run = make()
  return (input) => {
    calls += 1
    if (calls === manyCalls) {
      Compiler.enable(ast)
      run = make()
    }
    return run(input)
  }
}
