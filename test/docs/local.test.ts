import { suite } from "./pages.ts"

suite("guides/local.md")
