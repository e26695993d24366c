import { suite } from "./pages.ts"

suite("guides/runpod.md")
