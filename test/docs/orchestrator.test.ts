import { suite } from "./pages.ts"

suite("guides/orchestrator.md")
