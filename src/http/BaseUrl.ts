/** Base URLs that are safe to send a credential to. */
import * as Result from "effect/Result"
import { Validation } from "../domain/AtlasError.ts"

/** A base URL in its parts. */
export interface BaseUrl {
  /** Without a slash at its end. */
  readonly href: string
  readonly host: string
  /** True for http to another machine: the credential can be read on the way. */
  readonly isOpen: boolean
}

const loopback = /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

export const isLoopback = (url: URL): boolean => loopback.test(url.hostname)

/** Parses an https base URL, or an http one, which is open unless its host is this machine. */
export const parse = (text: string): Result.Result<BaseUrl, Validation> => {
  const url = URL.parse(text)
  if (
    url === null || (url.protocol !== "https:" && url.protocol !== "http:") || url.username !== ""
    || url.password !== "" || url.search !== "" || url.hash !== ""
  ) {
    const message = "must be an http(s) URL without user info, query or fragment"
    return Result.fail(new Validation({ issues: [{ path: "baseUrl", message }] }))
  }
  return Result.succeed({
    href: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
    host: url.host,
    isOpen: url.protocol === "http:" && !isLoopback(url)
  })
}
