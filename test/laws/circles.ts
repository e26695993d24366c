/**
 * Files that import each other, directly or around other files; imports of types count, since they tie a reader as well.
 */
import type { File } from "./files.ts"
import { importsOf, target } from "./imports.ts"

/** Some files that each reach all the others, and the imports between them, as `from -> to`. */
export interface Circle {
  readonly files: ReadonlyArray<string>
  readonly ties: ReadonlyArray<string>
}

/** Every circle among these files, by Tarjan's strongly connected components. */
export const circlesOf = (files: ReadonlyArray<File>): ReadonlyArray<Circle> => {
  const known = new Set(files.map(({ path }) => path))
  const imports = new Map(files.map((file) => {
    const targets = importsOf(file).map(({ specifier }) => target(file.path, specifier))
    return [file.path, [...new Set(targets)].filter((to) => to !== undefined && known.has(to))] as const
  }))
  const order = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: Array<string> = []
  const open = new Set<string>()
  const circles: Array<Circle> = []

  const lower = (path: string, to: number): void => {
    low.set(path, Math.min(low.get(path) ?? to, to))
  }

  const close = (path: string): void => {
    const members = stack.splice(stack.indexOf(path))
    for (const member of members) open.delete(member)
    const inside = new Set(members)
    const ties = members.flatMap((from) =>
      (imports.get(from) ?? []).filter((to) => to !== undefined && inside.has(to)).map((to) => `${from} -> ${to}`)
    )
    if (ties.length > 0) circles.push({ files: members.toSorted(), ties: ties.toSorted() })
  }

  const visit = (path: string): void => {
    order.set(path, order.size)
    lower(path, order.size - 1)
    stack.push(path)
    open.add(path)
    for (const to of imports.get(path) ?? []) {
      if (to === undefined) continue
      if (!order.has(to)) {
        visit(to)
        lower(path, low.get(to) ?? order.size)
      } else if (open.has(to)) lower(path, order.get(to) ?? order.size)
    }
    if (low.get(path) === order.get(path)) close(path)
  }

  for (const { path } of files) {
    if (!order.has(path)) visit(path)
  }
  return circles
}
