import { suite } from "./pages.ts"

suite("guides/serverless-jobs.md")
