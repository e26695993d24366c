import { suite } from "./pages.ts"

suite("guides/simulation.md")
