import { suite } from "./pages.ts"

suite("guides/glossary.md")
