import { suite } from "./pages.ts"

suite("guides/benchmarks.md")
