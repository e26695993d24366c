import { suite } from "./pages.ts"

suite("README.md")
