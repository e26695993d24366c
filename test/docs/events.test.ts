import { suite } from "./pages.ts"

suite("guides/events.md")
