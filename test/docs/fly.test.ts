import { suite } from "./pages.ts"

suite("guides/fly.md")
