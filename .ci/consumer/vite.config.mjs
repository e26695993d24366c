// What a page gets: one file without Node.
export default {
  logLevel: "warn",
  build: { target: "es2022", lib: { entry: "src/page.ts", formats: ["es"], fileName: "page" }, outDir: "built" }
}
