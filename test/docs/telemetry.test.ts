import { suite } from "./pages.ts"

suite("guides/telemetry.md")
