import { suite } from "./pages.ts"

suite("guides/testing.md")
