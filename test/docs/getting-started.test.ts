import { suite } from "./pages.ts"

suite("guides/getting-started.md")
