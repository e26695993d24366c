import { suite } from "./pages.ts"

suite("guides/transient-pods.md")
