import { suite } from "./pages.ts"

suite("guides/architecture.md")
