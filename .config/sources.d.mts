/** The source that a specifier means, as a URL; undefined for other packages, and where no door leads. */
export declare const sourceOf: (specifier: string) => URL | undefined
/** For rolldown and Vite. */
export declare const sources: {
  readonly name: string
  readonly enforce: "pre"
  readonly resolveId: (specifier: string) => string | null
}
/** The flag that makes a Node see the sources. */
export declare const fromSources: string
