import { suite } from "./pages.ts"

suite("guides/embedding.md")
