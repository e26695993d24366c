/** Instances of our classes from data that was checked before. */

/**
 * An instance without the checks of its class's constructor, which would walk through all of it once more.
 *
 * Only for fields that this library has decoded or made itself, field by field: the caller answers for each of them. What
 * an adapter or a caller gives goes through the constructor.
 */
export const trusted = <A extends object, Field extends keyof A>(
  of: { readonly prototype: A; readonly fields: { readonly [Name in Field]: unknown } },
  fields: Pick<A, Field>
): A => Object.assign(Object.create(of.prototype), fields)
