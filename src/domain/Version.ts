/**
 * The version of this package, in the one place that code can read.
 *
 * @since 0.1.0
 */

/**
 * The version of this package, the same as in its manifest.
 *
 * @category constants
 * @since 0.1.0
 */
export const version = "0.1.0"
