/**
 * One setting of the environment, for adapters; see `domain/Setting`.
 *
 * @since 0.1.0
 */
export { read, refused, unwrap, type Wrap } from "../domain/Setting.ts"
